"""Where a repository lies: a directory, a bucket, a medium that is attached for the drill."""
