"""`make demo`: a real application, backed up to WORM and to an air-gapped medium, and drilled from both."""
