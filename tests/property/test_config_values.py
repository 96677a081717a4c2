"""Durations, sizes and whole files: whatever is written, the answer is a value or a problem, never a crash."""

from __future__ import annotations

import tempfile
from datetime import UTC, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from drp.config.document import Unreadable, read_document
from drp.config.json_schema import KINDS
from drp.config.site import check_site
from drp.config.validate import validate
from drp.config.values import parse_duration, parse_instant, parse_size, show_duration
from tests.support.sites import FILES, write_site


@given(st.integers(min_value=1, max_value=3660 * 86400))
def test_a_duration_is_read_as_it_is_shown(seconds: int) -> None:
    assert parse_duration(show_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("30m", 1800), ("4h", 14400), ("1d12h", 129600), ("1d 12h", 129600), ("2w", 1209600),
        ("PT4H", 14400), ("P1DT12H", 129600), ("PT90S", 90), ("P2W", 1209600), ("0s", 0), ("1w2d3h4m5s", 788645),
    ],
)  # fmt: skip
def test_durations_that_people_write(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "4", "h", "4 hours", "-4h", "4.5h", "4h30", "PT", "P", "1h1d", "4H", "٤h", True, None, 4.5, [], 3]
)
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match=r"write it as|no unit"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1B", 1),
        ("512MiB", 512 << 20),
        ("8GiB", 8 << 30),
        ("1.5 GiB", 3 << 29),
        ("500MB", 500_000_000),
        (4096, 4096),
        ("2TiB", 2 << 40),
    ],
)
def test_sizes_that_people_write(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "8", "8 gigs", "GiB", "-1GiB", "0GiB", 0, -5, True, None, 1.5, "8gib", "9" * 400 + "TB"]
)
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


def test_instants_are_kept_in_utc() -> None:
    assert parse_instant("2026-11-21T03:00:00+01:00") == parse_instant("2026-11-21T02:00:00Z")
    assert parse_instant("2026-11-21T03:00:00+01:00").tzinfo == UTC


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_bytes_are_a_document_or_unreadable(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.yml"
        path.write_bytes(content)
        try:
            document = read_document(path, "x.yml")
        except Unreadable as unreadable:
            told = unreadable.problems
        else:
            for model in KINDS.values():
                said, problems = validate(document, model)
                assert (said is None) == bool(problems)
            return
    assert told


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_value_anywhere_is_taken_or_told_with_its_place(file: str, data: st.DataObject) -> None:
    """Replace one part of a valid file by something else: a problem, or still a valid site; never a crash."""
    content = yaml.safe_load(FILES[file])
    parent, key = data.draw(st.sampled_from(_places(content)))
    parent[key] = data.draw(plain)
    with tempfile.TemporaryDirectory() as folder:
        text = yaml.safe_dump(content, allow_unicode=True)
        for problem in check_site(write_site(Path(folder), {file: text})):
            assert problem.file.startswith(("drp.yml", "inventory/"))
            assert problem.position.line >= 1
            assert problem.message


def _places(content: object) -> list[tuple[object, object]]:
    if isinstance(content, dict):
        items = list(content.items())
    elif isinstance(content, list):
        items = list(enumerate(content))
    else:
        return []
    return [(content, key) for key, _ in items] + [place for _, value in items for place in _places(value)]
