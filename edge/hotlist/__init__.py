"""The centre's signed copy of the hotlists at this box: what is read of a listed vehicle goes first.

    Publisher --- head, parts ---> Desk: is it the centre's (`verify`)? which parts lack?
              <-- topics wanted --                |
                                                  v
                                         CopyFile (`copy`): parts on disk; a head in force once all its parts are there
                                                  |
    Outbox --- is this read listed? --------> `match` --> Spool: goes first

No alert is raised here: the centre decides, as it does of every read. A box without a copy, or with an old one, sends
its reads all the same, in their order.
"""
