"""What is due, what is held by itself, and what became of it: everything is asked of the service floor."""
