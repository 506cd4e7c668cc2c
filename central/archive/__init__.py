"""Reads for five years, as Parquet under a Delta log."""
