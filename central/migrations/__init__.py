"""How the tables of `central/tables` came to be, step by step (Alembic)."""
