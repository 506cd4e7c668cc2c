"""The city's certificate authority: who may talk to the broker, and as whom.

    ca init -> ca.key (under a passphrase), ca.pem     ca sign -> an edge's certificate, from its request
    ca server -> the broker's key and certificate      ca centre -> the centre's own
    ca revoke -> crl.pem, which the broker reads       ca list -> register.json, every serial ever given

One level: the authority signs devices itself, so a broker needs ca.pem and crl.pem and nothing else. A device's key
never comes here. Keep the folder on a machine that is not the broker, and copy it: with it the register is lost.
"""
