"""What becomes of alerts, told to others: webhooks, dispatch systems, mail, MQTT, and a stream for consoles.

    alert_event -> stream (settled events, in order) -> courier (one a subscriber) -> delivery -> channel

At least once, in order for each alert, with a key by which a receiver knows a repetition.
"""
