"""Sandboxes: where restored data comes back to life, unable to reach anything. Import what you need by module path."""
