"""What became of a sandbox's volumes is told, on the terminal and in reports, in both languages."""

from __future__ import annotations

import html

import pytest

from drp.cli.volume_views import what_is_left
from drp.domain.sandbox import Residue
from drp.domain.volume import Erased
from drp.evidence.record import make_record
from drp.reporting.html import render_html
from tests.support.sample_journal import tale, tell

BY_KEY = Erased(erased_by="key", done=True, overwritten_bytes=3 << 20)
OVERWRITTEN = Erased(
    at="/srv/pacs", erased_by="overwrite", done=True, overwritten_bytes=5 << 20, left="btrfs may keep it"
)
REFUSED = Erased(erased_by="overwrite", done=False, left="/x.image: Input/output error\x1b[31m")
IN_MEMORY = Erased(erased_by="memory", done=True)


def residue(*erased: Erased) -> Residue:
    return Residue(processes=0, erased=erased)


@pytest.mark.parametrize(
    ("erased", "line"),
    [
        ((), "✔ nothing left"),
        ((IN_MEMORY,), "✔ nothing left"),
        ((BY_KEY,), "✔ nothing left; key lost, 3.0 MiB overwritten"),
        (
            (BY_KEY, OVERWRITTEN),
            "✔ nothing left; key lost, 3.0 MiB overwritten; /srv/pacs 5.0 MiB overwritten (btrfs may keep it)",
        ),
        ((REFUSED,), "✗ SOMETHING IS LEFT; not erased: /x.image: Input/output error"),
    ],
)
def test_the_terminal_says_how_each_volume_on_disk_was_erased(erased: tuple[Erased, ...], line: str) -> None:
    told = what_is_left(residue(*erased))
    assert told.startswith(line)
    assert "\x1b" not in told


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("en", ("its key, which was in memory alone, is gone", "All that had been written", "was not erased")),
        ("fr", ("gardée en mémoire seule, a disparu", "a été écrasé", "n’a pas été effacé")),
    ],
)
def test_a_report_says_it_in_both_languages(tag: str, words: tuple[str, ...]) -> None:
    record = make_record(tell(tale(residue=residue(BY_KEY, OVERWRITTEN, REFUSED))), {})
    text = html.unescape(render_html(record, tag).decode())
    for each in (*words, "btrfs may keep it", "/srv/pacs"):
        assert each in text
    assert "\x1b" not in text
