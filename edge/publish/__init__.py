"""The publisher: hands the spool to the broker, and lets go of nothing that the centre has not acknowledged.

    spool -> window (what is under way, what is due again) -> connection (paho-mqtt) -> broker
    spool <- acknowledgements of the centre <---------------- own ack topic

`publisher` runs it in one thread that owns the connection, so that no callback meets a lock of ours.
"""
