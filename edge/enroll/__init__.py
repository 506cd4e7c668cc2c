"""How a box gets its certificate: its key never leaves it.

    enroll request -> DIR/next/edge.key, <edge_id>.csr     (the request goes to the city's authority)
    enroll install -> DIR/<serial>/{edge.key,edge.pem,ca.pem}, and DIR/current points to it

`current` changes in one step, and is read again at every connection: a renewed certificate needs no restart.
A connection opens the three files one after another: where `current` changes in between, the set does not fit
together, that connection is refused, and the next try finds the new set.
"""
