"""Every text that help and completion show: of all nouns, verbs, options and arguments, and what typer adds to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from drp.cli.explain import _entries
from drp.cli.main import LazyGroup, app
from drp.cli.parameters import TYPERS
from drp.cli.tongue import ENGLISH, Chosen, paragraphs, speak
from drp.share import languages
from drp.verifiers.loading import available, load
from drp.verifiers.option_docs import documented, parts_of

LANGUAGES = f"[{'|'.join(languages())}]"
"""A choice of data: the same in every language, and another one with every catalogue."""


def help_texts() -> Iterator[tuple[str, str]]:
    """Yield each paragraph, in English, with the file that it comes from."""
    speak(Chosen(ENGLISH))
    for text in TYPERS:
        yield text, "drp/cli/parameters.py"
    yield from _options_of_verifiers()
    for entry in _entries().values():  # titles and remedies of findings are messages of reports too
        for key in ("title", "meaning"):
            yield entry[key], "drp/cli/explain.py"
    root: Any = typer.main.get_command(app)
    for text in _texts(root):
        yield text, "drp/cli/main.py"
    for noun, (module, line) in LazyGroup.nouns.items():
        yield line, "drp/cli/main.py"
        for text in _texts(root.get_command(None, noun)):
            yield text, module.partition(":")[0].replace(".", "/") + ".py"


def _options_of_verifiers() -> Iterator[tuple[str, str]]:
    """Yield what the options of drp's own verifiers mean; those of others speak as whoever wrote them does."""
    for description in available():
        verifier = load([description.name])[description.name]
        if not type(verifier).__module__.startswith("drp_verifiers."):
            continue
        for part in parts_of(verifier.Options):
            for text in documented(part).values():
                yield text, f"verifiers/{part.__module__.replace('.', '/')}.py"


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command with its words, groups included."""
    root: Any = typer.main.get_command(app)
    yield (), root
    for noun in LazyGroup.nouns:
        yield from _below((noun,), root.get_command(None, noun))


def _below(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    for name in getattr(command, "commands", {}):
        yield from _below((*words, name), command.commands[name])


def _texts(command: Any) -> Iterator[str]:
    context = typer.Context(command)
    for text in (command.help, command.epilog):
        yield from paragraphs(text) if text else ()
    for parameter in command.get_params(context):
        if parameter.help:
            yield from paragraphs(parameter.help)
        if parameter.metavar:
            if parameter.metavar != LANGUAGES:
                yield parameter.metavar
        elif parameter.param_type_name == "argument":
            yield parameter.name
        kind = parameter.type_descriptor
        if not (parameter.metavar or kind.is_choice or kind.is_datetime or getattr(parameter, "is_flag", False)):
            yield parameter.display_type(context).strip("<>")
    for name in getattr(command, "commands", {}):
        yield from _texts(command.commands[name])
