"""What all tables belong to, and the type of a number that the database gives."""

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

Serial = BigInteger().with_variant(Integer, "sqlite")
