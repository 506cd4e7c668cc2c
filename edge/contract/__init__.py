"""What the edge publishes and the centre understands: messages, topics and the pure domain of both.

Besides, what both do alike and neither may have from the other: the common part of their settings (`config`,
`document`), and how a file is put in another's place (`files`).

The producer owns the published language. Everything here is standard library plus pydantic, so that the
centre can import it without a vision stack, and so that both sides decide alike.
"""
