"""Chooses how a drill is shown, by how drp was called and where its standard error goes."""

from __future__ import annotations

import os
import sys

from drp.cli.progress import JsonLinesReporter, QuietReporter, TextReporter
from drp.cli.render import encodes_all


def reporter(*, machine: bool, quiet: bool) -> JsonLinesReporter | QuietReporter | TextReporter:
    """Return the reporter: JSON Lines, nothing, bars on a terminal, a line a phase in a pipe."""
    if machine:
        return JsonLinesReporter()
    if quiet:
        return QuietReporter()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and encodes_all(sys.stderr):
        from drp.cli.live import LiveReporter

        return LiveReporter(sys.stderr)
    return TextReporter(sys.stderr)
