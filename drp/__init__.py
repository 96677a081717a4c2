"""drp proves that a hospital's systems come back: it restores backups in isolation, measures, and records evidence."""

__version__ = "0.1.0"
