"""`drp-hash`: the hashing core in one file, for hosts that have nothing but Python."""
