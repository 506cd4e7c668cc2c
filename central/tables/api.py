"""The API: who may use it, and what was answered: a request that is sent again is answered, not done again."""

from sqlalchemy import BigInteger, Column, String, Table, Text

from central.tables.metadata import Serial, metadata

api_key = Table(
    "api_key",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("digest", String(64), nullable=False),  # SHA-256 of the secret, which stands nowhere
    Column("rights", String(255), nullable=False),  # names, with spaces between
    Column("lists", Text, nullable=False),  # of which hotlists, likewise
    Column("made_by", String(63), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
    sqlite_autoincrement=True,  # a number is never used again
)

# Written in the transaction that does what was asked.
api_answer = Table(
    "api_answer",
    metadata,
    Column("key_id", Serial, primary_key=True, autoincrement=False),
    Column(
        "token", String(64), primary_key=True
    ),  # SHA-256 of the client's Idempotency-Key, which may be anything
    Column("request", String(64), nullable=False),  # SHA-256 of what was asked
    Column("answer", Text, nullable=False),  # JSON
    Column("at_us", BigInteger, nullable=False),
)
