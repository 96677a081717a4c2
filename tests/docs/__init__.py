"""The pages in `docs/`: every command on them is run as it stands there."""
