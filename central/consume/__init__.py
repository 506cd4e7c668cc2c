"""From the broker into the database: nothing is acknowledged that is not committed.

link (paho) -> writer (batches) -> parse (pure) -> store (one transaction) -> commit -> PUBACK and Ack{ranges}
                                                   |- ranges: what was received, exactly; outlives the rows
                                                   |- rows, pictures, notices: dead letters, gone, health
                                                   |- hotlist match -> alerts
"""
