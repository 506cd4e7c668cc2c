"""The spool: everything that the centre has not acknowledged yet, safe on disk before anything else happens.

A message is numbered, built with its number inside and written in one transaction that ends with an fsync
(`intake`; a clip of many megabytes in several, and none of it counts before the last: `clips`). It leaves
(`queue`) only when the centre says that it has committed that very number, or when the spool is
full: then the oldest clips go first, then pictures, and reads last (of each, what may be of a listed vehicle after the
others), every number counted and announced as `Gone` until that too has been acknowledged.

What waits is sent live messages first, then what was put to go first (a read that may be of a listed vehicle), then the
rest, each oldest first.

    read      1 2 3 4 5 ...   one dense numbering a stream, from 1 in every epoch;
    update    1 2 ...         an epoch is the life of one spool file (`file`),
    crop      1 2 3 4 ...     or what is left of it after an old copy was restored (`renew`)
    overview  1 2 3 4 ...
    clip      1 2 3 ...       a number a part (`clips`)
                              (crops and overviews apart: what is dropped oldest first stays one range)
"""
