"""Every option of a verifier says what it means."""

from __future__ import annotations

import dataclasses
import json

import pytest

from drp.verifiers.loading import available, load
from drp.verifiers.option_docs import documented, parts_of
from tests.cli.test_verifier import drp

OURS = [each.name for each in available() if each.distribution.startswith("drproof")]


@pytest.mark.parametrize("name", OURS)
def test_each_option_says_what_it_means(name: str):
    verifier = load([name])[name]
    for part in parts_of(verifier.Options):
        undocumented = {field.name for field in dataclasses.fields(part)} - set(documented(part))
        assert not undocumented, part


def test_they_are_shown_to_people_and_to_machines():
    shown = drp("show", "postgres", check=0).stdout
    assert "port: integer, default: 5432\n    Port of the server; it names the socket too.\n" in shown
    assert "        One row, one column: a timestamp with zone." in shown, "a part's options stand below it"
    assert drp("list", "postgres", check=0).stdout == shown
    options = json.loads(drp("show", "postgres", "--json", check=0).stdout)["options"]
    assert options["properties"]["port"]["description"] == "Port of the server; it names the socket too."
    assert options["$defs"]["NewestRow"]["properties"]["table"]["description"] == "`schema.table`."


def test_what_has_no_docstring_is_left_out():
    @dataclasses.dataclass
    class Bare:
        one: int = 1
        two: int = 2
        """Means `two`."""

    assert documented(Bare) == {"two": "Means `two`."}
    assert documented(type("Made", (), {})) == {}
    assert Bare in parts_of(Bare)
    assert [part.__name__ for part in parts_of(load(["postgres"])["postgres"].Options)][1:] == [
        "Newest",
        "NewestRow",
        "Assertion",
    ]
