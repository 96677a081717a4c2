"""The command line: one file a noun, and the composition root in `wiring.py`."""
