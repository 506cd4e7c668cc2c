"""The tables of the database, by what they are about; `central.db` knows them all, and is where to get them from.

A change here needs a migration in `central/migrations/versions`; a test compares the two.
"""
