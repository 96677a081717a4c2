"""What `drp drill exec` and `drp drill clean` show."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from drp.cli import render
from drp.domain.phrase import say
from drp.service import kept
from drp.service.wiring import Wiring


def run_inside(wiring: Wiring, reference: str, application: str | None, argv: Sequence[str]) -> int:
    """Run a command in a kept sandbox, with its output on ours, and return its exit status."""
    execution = kept.kept_target(wiring, reference, application).run(list(argv), stdin=b"", timeout_seconds=3600)
    render.output([execution.stdout])
    render.output([execution.stderr], sys.stderr)
    return execution.exit_code if execution.exit_code >= 0 else 128 - execution.exit_code


def clean_up(wiring: Wiring, *, machine: bool) -> int:
    """Destroy kept sandboxes and what a crash left; return 1 when something stays behind."""
    cleaned = kept.clean_up(wiring)
    if machine:
        rows = [
            {"orphan": one.orphan, "clean": one.clean}
            if one.orphan
            else {"drill": one.drill, "sandbox": one.sandbox, "clean": one.clean, "left": one.left}
            for one in cleaned
        ]
        render.document("drp/cleaned/1", rows)
    else:
        for one in cleaned:
            if not one.clean:
                kept_one = say(
                    "sandbox {sandbox} of drill {drill}: {left}", sandbox=one.sandbox, drill=one.drill, left=one.left
                )
                render.line(say("still here: {what}", what=one.orphan or kept_one))
        gone = sum(one.clean for one in cleaned)
        render.line(say("{gone} cleaned", gone=gone) if cleaned else "nothing to clean")
    return 0 if all(one.clean for one in cleaned) else 1
