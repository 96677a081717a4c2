"""The sandbox driver on bubblewrap."""
