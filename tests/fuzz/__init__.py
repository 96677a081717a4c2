"""Long runs against the parsers of hostile bytes."""
