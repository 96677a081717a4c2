"""What sandboxes take of the host: control groups, mounts, users, volumes; and that it comes back."""
