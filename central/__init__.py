"""The centre: from a published read to an alert and to five years of history.

    MQTT -> consume -> hotlist match -> alert (one per passage, with its pictures) -> outbox -> whoever is told
                    -> hot rows (one transaction with the received ranges, then the ack)
                    -> archive (Delta table by captured date) -> query -> table, CSV, JSON

`central/service.py` wires it. Every look at reads goes through `access` and leaves a row in the audit table.
"""
