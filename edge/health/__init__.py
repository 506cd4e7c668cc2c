"""What the box knows of itself, in time and without being asked.

    CaptureStats, ViewWatch, emissions -> Watch (a camera's own past: rate, plates, picture) -> CameraHealth
    spool, link, certificate, outbox, every CameraHealth -> HealthReporter -> EdgeHealth -> broker, metrics

What is usual is kept over a restart (`memory`).
"""
