"""The API over HTTP, a process of its own: `python -m central api serve`.

    request -> guard (who: a key; how often; which right) -> router (what: thin) -> the centre's own functions
            <- JSON, or problem+json (RFC 9457)

It shares the database with the centre that takes reads, and nothing else: however it fares, no read is lost by it.
Whatever is not allowed to somebody by name is refused, and each route says which right it takes.
"""
