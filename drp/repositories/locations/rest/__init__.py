"""REST servers of restic repositories, such as ``rest-server --append-only`` and ``rclone serve restic``."""
