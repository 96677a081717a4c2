"""What became of a sandbox's volumes is told, on the terminal and in reports, in both languages."""

from __future__ import annotations

import html
from dataclasses import replace

import pytest

from drp.cli.volume_views import what_is_left
from drp.domain.sandbox import Residue
from drp.domain.volume import Erased, VolumeMade
from drp.evidence.record import make_record
from drp.reporting.html import render_html
from drp.reporting.i18n import language
from drp.reporting.text import render_markdown
from drp.reporting.volumes import volumes_of
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
        ((BY_KEY,), "✔ nothing left; key lost, 3.1 MB overwritten"),
        (
            (BY_KEY, OVERWRITTEN),
            "✔ nothing left; key lost, 3.1 MB overwritten; /srv/pacs 5.2 MB overwritten (btrfs may keep it)",
        ),
        ((REFUSED,), "✗ SOMETHING IS LEFT; not erased: /x.image: Input/output error"),
    ],
)
def test_the_terminal_says_how_each_volume_on_disk_was_erased(erased: tuple[Erased, ...], line: str) -> None:
    told = language("en").plain(what_is_left(residue(*erased))).replace("\u00a0", " ")
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


IN_RAM = VolumeMade(backing="memory", size_bytes=2_000_000_000, erased_by="memory", why="not-on-disk", swap="off")
ENCRYPTED = VolumeMade(
    at="/srv/pacs",
    backing="disk",
    size_bytes=5_000_000_000,
    directory="/var/lib/drp",
    erased_by="key",
    why="faster",
    encrypted_bytes_per_second=1_500_000_000,
)


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (
            "en",
            (
                "2 GB reserved, in memory; kept out of swap",
                "5 GB reserved, encrypted on disk, its key in memory alone (measured as the faster way); the host encrypts 1.5 GB/s",
                "What became of it, the record does not say.",
            ),
        ),
        (
            "fr",
            (
                "2 Go réservés, en mémoire ; tenu hors de l’espace d’échange",
                "5 Go réservés, chiffré sur disque, sa clé en mémoire seule (mesuré comme le plus rapide) ; la machine chiffre 1,5 Go/s",
                "L’enregistrement ne dit pas ce qu’il est devenu.",
            ),
        ),
    ],
)
def test_a_report_says_what_was_reserved_where_and_how_it_is_made_unreadable(tag: str, words: tuple[str, ...]) -> None:
    record = make_record(tell(tale(residue=residue(IN_MEMORY))), {})
    (recovery,) = record.recoveries
    assert recovery.prepare is not None
    made = replace(recovery.prepare.sandbox, volumes=(IN_RAM, ENCRYPTED))
    record = replace(record, recoveries=(replace(recovery, prepare=replace(recovery.prepare, sandbox=made)),))
    for report in (render_html(record, tag), render_markdown(record, tag)):
        text = html.unescape(report.decode()).replace("\u202f", " ").replace("\u00a0", " ")
        for each in (*words, "/srv/pacs"):
            assert each in text, each


def test_a_kept_volume_and_one_that_could_not_be_erased_are_said_to_be_so() -> None:
    record = make_record(tell(tale(residue=residue(REFUSED))), {})
    (recovery,) = record.recoveries
    assert recovery.prepare is not None
    made = replace(recovery.prepare.sandbox, volumes=(replace(ENCRYPTED, at=""),))
    recovery = replace(recovery, prepare=replace(recovery.prepare, sandbox=made))
    english = language("en").plain
    (told,) = volumes_of(recovery)
    assert english(told.erased).startswith("Its content was not erased. /x.image: Input/output error")
    (kept,) = volumes_of(replace(recovery, residue=None, kept_until=record.concluded_at))
    assert english(kept.erased) == "Kept on request."
    assert volumes_of(replace(recovery, prepare=None)) == ()
