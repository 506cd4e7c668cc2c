"""What the edge publishes and the centre understands: messages, topics and the pure domain of both.

The producer owns the published language. Everything here is standard library plus pydantic, so that the
centre can import it without a vision stack, and so that both sides decide alike.
"""
