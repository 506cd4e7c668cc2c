"""Erasing a plate by order of a court.

order.py     one transaction: refused or recorded, and by remove.py nothing shows the plate any more
run.py       whatever is left to do of each order, step by step: archive.py, packs.py, purge.py,
             then search.py looks through every byte, and certificate.py says what was done
"""
