"""Repositories that restic wrote."""
