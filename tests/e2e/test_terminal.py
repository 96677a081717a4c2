"""The real commands on a terminal of eighty columns, in English and in French: what a person sees of a whole drill."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.e2e.test_sub_path import backed_up, drilled
from tests.e2e.test_sub_path import server as server  # noqa: PLC0414 - a fixture
from tests.support.small_site import SmallSite
from tests.support.terminal import Seen, on_terminal

pytestmark = [pytest.mark.real, pytest.mark.slow]
ENGLISH = re.compile(
    r"\b(the|of|and|with|that|this|is|are|was|not|by|from|to|in|until|passed|failed|said|read|seen|checks|"
    r"drill|recovery|restored|waiting|nothing)\b"
)
"""Words that only English has, or that drp never means in French."""
QUOTED = re.compile(r"`[^`]*`|--?[\w-]+|\S*[/_.]\S*|DRP-\w+|drp \w+ .*|Fire in the machine|\broom\b|trust: none")
"""Data of the site, commands and paths: nobody translates those."""


def shown(server: SmallSite, *arguments: str, locale: str = "C.UTF-8") -> Seen:
    environment = {"PATH": os.environ["PATH"], "HOME": "/tmp", "DRP_SITE": str(server.site), "LC_ALL": locale}
    seen = on_terminal([sys.executable, "-m", "drp", *arguments], columns=80, environment=environment, cwd=Path("/"))
    assert seen.status in {0, 1, 3}, "\n".join(seen.lines)
    return seen


def too_wide(seen: Seen) -> list[str]:
    """Return lines that the terminal would have to wrap itself; a path that is longer than a line stays whole."""
    return [line for line in seen.lines if len(line) > 80 and len(line.split()[-1]) < 60]


LOOKS = (
    ("drill", "list"),
    ("drill", "show", "latest"),
    ("drill", "plan", "quarterly-drill"),
    ("plan", "list"),
    ("status",),
    ("check",),
    ("repo", "list"),
    ("repo", "points", "vault"),
    ("app", "list"),
    ("app", "show", "lis"),
    ("evidence", "list"),
    ("verifier", "show", "files"),
    ("explain", "DRP-A001"),
    ("schedule", "list"),
)


def english(seen: Seen) -> list[str]:
    """Return lines in which an English word is left, data aside."""
    return [line for line in seen.lines if ENGLISH.search(QUOTED.sub("", line))]


def test_a_whole_drill_fits_a_terminal_and_is_french_where_its_reader_is(server: SmallSite) -> None:
    drilled(server, backed_up(server), "--level", "hash")
    for locale, verdict in (("C.UTF-8", "PASSED"), ("fr_FR.UTF-8", "RÉUSSI")):
        run = shown(server, "drill", "run", "quarterly-drill", locale=locale)
        assert verdict in run.lines
        assert not too_wide(run)
        done = re.compile(r"  (engine|lis) +\w+ +[✔✗] (?!nothing left|rien ne reste)")
        phases = [line for line in run.lines if done.match(line)]
        assert len(phases) == 12, run.lines
        assert all(re.search(r"\S  +[\d.,]+\s(ms|s)$", line) for line in phases), phases
        seen = {look: shown(server, *look, locale=locale) for look in LOOKS}
        assert not {look: lines for look, each in seen.items() if (lines := too_wide(each))}
        if verdict == "RÉUSSI":
            assert not english(run)
            assert not {look: lines for look, each in seen.items() if (lines := english(each))}
