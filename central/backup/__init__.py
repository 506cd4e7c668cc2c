"""Backup and restore of the centre: its database, its archive and its pictures, from one moment.

    <folder>/snapshots/20261123T041500000000Z    a manifest: every file with its size and digest, signed
    <folder>/files/07/0700....parquet             what manifests name, once, by its digest
    <folder>/drafts/...                          of whoever is at it, or was killed

A snapshot is whole once its manifest has its name, which is the last thing that is written.
"""
