"""Where pictures and clips lie: in packs, which are files."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table

from central.tables.metadata import metadata

picture = Table(
    "picture",
    metadata,
    Column("edge_id", String(63), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("read_seq", BigInteger, primary_key=True),
    Column("kind", String(8), primary_key=True),
    # Its number in the stream of its kind: a later picture of the same kind takes the place of an earlier one.
    Column("seq", BigInteger, nullable=False),
    # Below the folder of pictures, such as 2026-03-01/14-5f0c2d9e11a07b34.pack.
    Column("pack", String(120), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
)
Index("picture_pack", picture.c.pack)

# Clips that were asked of edges, and what came of it (`central.clip.store` says what the states mean).
clip = Table(
    "clip",
    metadata,
    Column("request", String(32), primary_key=True),
    Column("site_id", String(63), nullable=False),
    Column("edge_id", String(63), nullable=False),
    Column("camera_id", String(63), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("read_seq", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("before_s", Float, nullable=False),
    Column("after_s", Float, nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("asked_by", String(80), nullable=False),
    Column("state", String(8), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("answered_us", BigInteger),
    # Of the clip itself, as the edge told with its parts.
    Column("parts", Integer),
    Column("size", Integer),
    Column("sha256", String(64)),
    Column("began_us", BigInteger),
    Column("ended_us", BigInteger),
)
Index("clip_read", clip.c.edge_id, clip.c.epoch, clip.c.read_seq)
Index("clip_state", clip.c.state, clip.c.asked_us)

# Where each part lies, in the packs of the pictures.
clip_part = Table(
    "clip_part",
    metadata,
    Column("request", String(32), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("pack", String(120), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
)
Index("clip_part_pack", clip_part.c.pack)
