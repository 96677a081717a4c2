"""A repository as it was at an instant, served read-only to restic by a process of its own."""
