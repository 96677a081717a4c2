"""Which stored objects a restic recovery point needs: read by a program of its own, which sees no network."""
