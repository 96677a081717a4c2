"""Stand-alone programs of the sandbox driver: standard library only, started by path, never with drp on their path."""
