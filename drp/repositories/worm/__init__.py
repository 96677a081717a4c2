"""What is tried on locks, and done about them, with keys of its own: never the way by which backups are read."""
