"""Engines carry the steps of a drill; the journal is the truth about which of them are done."""
