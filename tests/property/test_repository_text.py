"""Whatever a hostile backup makes restic print: nothing crashes the reader, and a bad end is never complete."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from drp.domain.restore import RestoreOutcome
from drp.errors import RepositoryError, StorageFull
from drp.repositories.restic.answers import read
from drp.repositories.restic.features import Features
from drp.repositories.restic.receipt import judge
from drp.repositories.restic.snapshots import points_of
from drp.repositories.restic.source_root import TreeListing, declared_root, folders_to_list
from tests.support.fixtures_repositories import application

WORDS = st.sampled_from(
    [
        "ignoring error for /a: ",
        "Fatal: ",
        "There were 3 errors",
        "no space left on device",
        "wrong password or no key found",
        "connection refused",
        ": ",
        "\n",
        '{"message_type":"error","error":{"message":"x"},"item":"/a"}',
        '{"message_type":"exit_error","code":1,"message":"x"}',
        '{"message_type":"summary"}',
    ]
)
LINES = st.lists(st.lists(st.one_of(WORDS, st.text(max_size=20)), max_size=6).map("".join), max_size=8).map(tuple)
VERSIONS = st.sampled_from([Features(version=(0, 14, 0)), Features(version=(0, 18, 0))])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(LINES)
def test_any_text_is_read(lines: tuple[str, ...]) -> None:
    for answer in read(lines):
        assert len(answer.words) <= 300


@given(LINES, LINES, VERSIONS, st.integers(-20, 255).filter(bool))
def test_a_bad_end_is_never_complete(
    errors: tuple[str, ...], tail: tuple[str, ...], features: Features, exit_code: int
) -> None:
    outcome = RestoreOutcome(exit_code=exit_code, errors=errors, tail=tail)
    end: object
    try:
        end = judge(outcome, repository="main", features=features, still_there=lambda: None).unrestored
    except (RepositoryError, StorageFull) as error:
        end = error
    assert end


@given(
    st.lists(st.dictionaries(st.sampled_from(["id", "time", "tags", "paths", "hostname", "summary"]), JSON), max_size=4)
)
def test_any_snapshot_is_a_point_or_named(snapshots: list[dict[str, object]]) -> None:
    listing = points_of(snapshots, application(), "main")
    assert len(listing.points) + len(listing.unreadable) == len(snapshots)
    assert listing.foreign == ()


@given(st.lists(st.text(alphabet="/.ab", max_size=12), max_size=3), st.lists(JSON, max_size=5))
def test_a_root_never_leads_out_of_the_restored_tree(paths: list[str], nodes: list[object]) -> None:
    listing = TreeListing(paths)
    for node in nodes:
        listing.take(json.dumps(node))
    for root in (listing.root(), declared_root(paths), *folders_to_list(paths)):
        assert root.startswith("/")
        assert ".." not in root.split("/")
