"""The four sample clips: what they show (``programme``), their frames, their film, their truth and manifest."""
