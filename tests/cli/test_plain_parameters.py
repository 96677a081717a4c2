"""Parameters that are taken as they stand are what typer would have made of them; everything else is left to typer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from drp.cli import manifest
from drp.cli.noun import Noun, command_of, noun
from drp.cli.parameters import PlainCommand, PlainGroup


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def verb(
    path: Path,
    rest: Annotated[list[str] | None, typer.Argument()] = None,
    number: Annotated[int, typer.Option(min=1, max=9)] = 3,
    other: Annotated[int | None, typer.Option()] = None,
    share: Annotated[float, typer.Option()] = 0.5,
    colour: Annotated[Colour, typer.Option()] = Colour.RED,
    text: Annotated[str, typer.Option()] = "",
    several: Annotated[list[str] | None, typer.Option()] = None,
    loud: Annotated[bool, typer.Option("--loud/--quiet")] = False,
    there: Annotated[Path | None, typer.Option(exists=True)] = None,
) -> list[object]:
    return [path, rest, number, other, share, colour, text, several, loud, there]


def run(kind: type[TyperCommand], arguments: list[str]) -> object:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(cls=kind)(verb)
    try:
        result = typer.main.get_command(app)(arguments, standalone_mode=False)
    except typer.TyperException as error:
        return type(error), error.format_message()
    return result, [type(each) for each in result]


@pytest.mark.parametrize(
    "arguments",
    [
        ["/tmp"],
        [],
        ["/tmp", "a", "b"],
        ["", "--text", ""],
        ["/nowhere/at/all", "--there", "/nowhere"],
        ["/", "--there", "/"],
        *(["/", "--number", said] for said in ("1", "9", "0", "10", "-1", " 4 ", "4.0", "1_0", "x", "٣", "9" * 30, "")),
        *(["/", "--other", said] for said in ("-5", "007", "1e3", "0x10")),
        ["/", "--share", "0.25"],
        *(["/", "--colour", said] for said in ("blue", "BLUE", "green", "")),
        ["/", "--several", "a", "--several", "b"],
        ["/", "--loud"],
        ["/", "--quiet"],
        ["/", "--unknown"],
    ],
)
def test_a_plain_value_is_what_typer_makes_of_it(arguments):
    assert run(PlainCommand, arguments) == run(TyperCommand, arguments)


def test_a_path_that_may_not_be_read_is_refused_by_both(anybody_cannot_read):
    assert run(PlainCommand, [anybody_cannot_read]) == run(TyperCommand, [anybody_cannot_read])


@pytest.fixture
def anybody_cannot_read(tmp_path: Path) -> str:
    (tmp_path / "closed").touch(0o000)
    return str(tmp_path / "closed")


def test_a_noun_has_the_verbs_that_typer_would_give_it():
    lazy, eager = command_of(manifest.app), typer.main.get_command(manifest.app)
    assert isinstance(lazy, PlainGroup)
    assert isinstance(eager, TyperGroup)
    assert list(lazy.commands) == list(eager.commands)
    for name, command in eager.commands.items():
        assert type(lazy.commands[name]) is type(command) is PlainCommand
        assert [each.name for each in lazy.commands[name].params] == [each.name for each in command.params]
        assert lazy.commands[name].help == command.help
    assert lazy.commands.get("no-such-verb") is None


def test_a_noun_of_one_verb_is_that_verb():
    single: Noun = noun("One.")
    single.command()(verb)
    assert isinstance(command_of(single), PlainCommand)
