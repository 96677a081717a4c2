"""`drp journal verify`: the whole chain, every record, and what lists and status are told from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drp.cli.noun import noun
from drp.domain.phrase import say

app = noun("The journal of all drills.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command()
def verify(context: typer.Context, machine: Json = False) -> None:
    """Verify every entry of the journal and every record, and note it. Exit 14 if anything was changed.

    A drill verifies what is new when it begins, and all of it after its end, at most once a day.
    """
    from drp.cli import render
    from drp.cli.context import wiring_of
    from drp.config.places import require_state
    from drp.errors import StorageFull
    from drp.service.journal import verify_journal

    wiring = wiring_of(context)
    kept = wiring.site.journal
    if isinstance(kept, Path) and not kept.exists() and not wiring.deposits().records():
        render.note("there is no journal yet: the first drill makes it")
        return
    require_state(wiring.site)
    try:
        journal = wiring.journal()
    except StorageFull:  # who only reads verifies all the same, and notes nothing
        journal = wiring.journal_to_read()
    found = verify_journal(wiring, journal, thoroughly=True)
    if machine:
        counts = {"entries": found.entries, "drills": found.drills, "register": found.register}
        render.document("drp/journal/1", {**counts, "intact": True})
    else:
        render.line(
            say(
                "{entries} entries of {drills} drills, chain intact, every record as sealed",
                entries=found.entries,
                drills=found.drills,
            )
        )
        if found.register:
            render.line(say("{register} entries of the schedule's register, chain intact", register=found.register))
