"""How the tables of `central/db.py` came to be, step by step (Alembic)."""
