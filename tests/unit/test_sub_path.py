"""How a sub-path is written, and where it lies below a root."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.domain.manifest import show_path
from drp.domain.sub_path import below, misfit


@pytest.mark.parametrize(
    "path",
    ["/srv/ehr", "/srv/dossier médical", "/srv/*", "/srv/[a]?", "/-rf", "/srv/...", "/srv/..like", "/srv/back\\slash"],
)
def test_a_plain_absolute_path_is_one_whatever_its_names_are_made_of(path):
    assert not misfit(path)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("srv/ehr", "not absolute"),
        ("./ehr", "not absolute"),
        ("", "not absolute"),
        ("/", "leave it out"),
        ("/srv/ehr/", "write /srv/ehr"),
        ("//srv/ehr", "write /srv/ehr"),
        ("/srv//ehr", "write /srv/ehr"),
        ("/srv/./ehr", "write /srv/ehr"),
        ("/srv/../etc", "`..`"),
        ("/..", "`..`"),
        ("/srv/ehr\n", "does not show itself"),
        ("/srv/\u202eehr", "does not show itself"),
        ("/srv/\0", "does not show itself"),
        ("/srv/\udce9hr", "does not show itself"),
        ("/" + "a" * 4095, "longer"),
        ("/" + "é" * 2100, "longer"),
    ],
)
def test_whatever_else_is_refused_with_advice(path, why):
    assert why in misfit(path)


@pytest.mark.parametrize(
    ("root", "sub_path", "found"),
    [
        ("/srv", "/srv/ehr", b"ehr"),
        ("/", "/srv/ehr", b"srv/ehr"),
        ("/srv/ehr", "/srv/ehr", b""),
        ("/srv", "/srv/m\u00e9d/x", "m\u00e9d/x".encode()),
        ("/srv/back\\\\slash", "/srv/back\\slash/ehr", b"ehr"),
        ("/srv/eh", "/srv/ehr", None),
        ("/srv/ehr/db", "/srv/ehr", None),
        ("/srv/lis", "/srv/ehr", None),
        ("srv", "/srv/ehr", None),
        (".", "/srv/ehr", None),
        ("", "/srv/ehr", None),
    ],
)
def test_a_root_holds_what_is_at_or_below_it(root, sub_path, found):
    assert below(root, sub_path) == found


NAME = st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="/"), min_size=1, max_size=6)
NAMES = st.lists(NAME.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=5)


@given(above=NAMES, under=NAMES)
def test_what_is_joined_to_a_root_is_found_below_it(above, under):
    root, sub_path = "/" + "/".join(above), "/" + "/".join([*above, *under])
    assert below(show_path(root.encode()), sub_path) == "/".join(under).encode()
