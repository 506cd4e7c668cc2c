"""How a box gets its certificate: its key never leaves it.

    enroll request -> DIR/next/edge.key, <edge_id>.csr     (the request goes to the city's authority)
    enroll install -> DIR/<serial>/{edge.key,edge.pem,ca.pem}, and DIR/current points to it

`current` changes in one step, so that a running box finds the old set or the new one, never half of each.
It is read again at every connection: a renewed certificate needs no restart.
"""
