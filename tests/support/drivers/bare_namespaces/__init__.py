"""A second driver of sandboxes: namespaces by system call, and not a line of bubblewrap or of drp's driver for it.

It is what a package of somebody else would be: it rests on drp's rooms for any driver (host, network, proof, client).
"""
