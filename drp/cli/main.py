"""The tree of commands. A noun's module is imported only when it is used, which keeps `drp --help` fast."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from drp import __version__
from drp.cli.noun import command_of
from drp.cli.parameters import PlainGroup
from drp.cli.tongue import must_be_there, told


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """What stands before the noun."""

    site: Path | None
    quiet: bool


class LazyGroup(PlainGroup):
    """Knows its commands by name and one line of help, and loads them on use."""

    nouns: ClassVar[dict[str, tuple[str, str]]] = {
        "init": ("drp.cli.site:app", "Lay down a site directory with an example hospital."),
        "doctor": ("drp.cli.doctor:app", "Tell for every need whether it is met, and the command that fixes it."),
        "check": ("drp.cli.check:app", "Is every newest recovery point there and sound? Restores nothing."),
        "status": ("drp.cli.status:app", "Where the site stands, for monitoring."),
        "explain": ("drp.cli.explain:app", "Explain a finding or error code."),
        "app": ("drp.cli.app:app", "Applications and their objectives."),
        "repo": ("drp.cli.repo:app", "Repositories and their recovery points."),
        "drill": ("drp.cli.drill:app", "Plan, run and look at drills."),
        "plan": ("drp.cli.plan:app", "Drill plans: what the site drills together."),
        "schedule": ("drp.cli.schedule:app", "Drills that are held by themselves."),
        "canary": ("drp.cli.canary:app", "Canaries: heartbeats that production writes through its applications."),
        "manifest": ("drp.cli.manifest:app", "Manifests: what was backed up, path by path."),
        "worker": ("drp.cli.worker:app", "Carry out what the schedule orders."),
        "report": ("drp.cli.report:app", "Reports of drills, for people and machines."),
        "journal": ("drp.cli.journal:app", "The journal of all drills."),
        "evidence": ("drp.cli.evidence:app", "Evidence records of drills."),
        "notify": ("drp.cli.notify:app", "Who is told when something is wrong, and whether it gets there."),
        "metrics": ("drp.cli.metrics:app", "What the evidence says now, for Prometheus."),
        "config": ("drp.cli.config:app", "Check and show the site's configuration."),
        "runbook": ("drp.cli.runbook:app", "Runbooks: the recovery steps, as Ansible."),
        "verifier": ("drp.cli.verifier:app", "Verifiers: what looks at restored applications."),
    }

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class's signature
        """Return the nouns in the order in which a newcomer meets them."""
        return list(self.nouns)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - as above
        """Return the noun's command, importing it now."""
        if cmd_name not in self.nouns:
            return None
        module, _, attribute = self.nouns[cmd_name][0].partition(":")
        loaded = command_of(getattr(importlib.import_module(module), attribute))
        loaded.name = cmd_name
        return loaded

    def elsewhere(self, ctx: Any, name: str) -> list[str]:
        """Return the nouns that have a verb of this name: a newcomer says `drp run`."""
        found = []
        for noun in self.nouns:
            verbs = getattr(self.get_command(ctx, noun), "commands", {})
            found += [f"drp {noun} {name}"] if name in verbs else []
        return found

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as above
        """Write the list of nouns without importing them."""
        with formatter.section(told("Commands")):
            formatter.write_dl([(noun, told(help_line)) for noun, (_, help_line) in self.nouns.items()])


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="drp proves that the hospital comes back: it restores backups in isolation, measures, and records evidence.",
    epilog="Exit status: 0 passed or clean, 1 failed, 2 usage, 3 inconclusive, 10 configuration or not found, 11 busy, "
    "12 access denied, 13 unreachable, 14 evidence does not verify, 15 no space, 70 bug, 130/143 interrupted.",
)


def _languages() -> tuple[str, ...]:
    from drp.share import languages

    return languages()


def _language(said: str | None) -> str | None:
    """Refuse a language that is not there; which one is in force was decided before the first word was needed."""
    return said if said is None else must_be_there(said)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"drp {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    site: Annotated[
        Path | None, typer.Option(help="Site directory; default: $DRP_SITE, this directory, /etc/drp.", readable=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
    lang: Annotated[  # noqa: ARG001 - handled by its callback
        str | None,
        typer.Option(
            metavar="LANG",
            callback=_language,
            is_eager=True,
            autocompletion=_languages,
            help="Language of words and help, such as fr; default: that of the locale.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Keep what stands before the noun for every command."""
    context.obj = GlobalOptions(site=site, quiet=quiet)
