"""Writes a canary: a heartbeat through the application on production, so that a drill can tell idle time from loss."""

from drp.canaries.writing import Heartbeat, Written, write

__all__ = ["Heartbeat", "Written", "write"]
