"""Dated folders as repositories: what rsync, rclone or hard-linked snapshots leave, on a directory or a medium."""
