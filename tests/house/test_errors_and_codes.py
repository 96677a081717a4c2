"""Every error and finding code is unique, documented, and has something for the reader to do."""

from __future__ import annotations

from pathlib import Path

from drp import errors
from drp.domain.findings.catalogue import CATALOGUE

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_error_codes_are_unique_and_drawn_in_the_tree():
    kinds = errors.walk()
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes)
    for kind in kinds:
        assert kind.__name__ in (errors.__doc__ or ""), kind
        assert kind.code in (errors.__doc__ or ""), kind
        assert kind.default_hint


def test_finding_codes_say_what_and_what_to_do():
    for code, entry in CATALOGUE.items():
        assert code == entry.code
        assert entry.meaning.endswith(".")
        assert entry.remedy
        assert not entry.remedy.endswith(".")


def test_exit_statuses_are_documented():
    for kind in errors.walk():
        assert f"| {kind.exit_status} |" in README, kind
