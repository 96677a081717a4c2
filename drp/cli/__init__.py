"""The command line: one file a noun, which parses, asks `drp.service`, and shows."""
