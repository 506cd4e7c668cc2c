"""The edge: from a camera's stream to a published read.

    capture -> detect -> track -> read -> vote -> PlateRead -> spool -> publish -> MQTT
    (rtsp,     (plate    (one     (CTC    (one             (sqlite,  (deleted only when the
     video)     boxes)    vehicle) posterior) string)        fsync)    centre says: committed)

`edge/worker.py` wires it for live cameras, `edge/pipeline.py` is the part without I/O.
"""
