"""What a drill's level says about the rest of its file: below `full` nothing is started; not every kind does parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.config.document import Document
from drp.config.problems import Problem
from drp.config.repository_kinds import configured_kind, restores_parts
from drp.config.schema_applications import ApplicationFile
from drp.config.schema_drills import DrillFile
from drp.config.schema_repositories import RepositoryFile
from drp.domain.phrase import say
from drp.errors import PluginError

_NEED_IT_RUNNING = ("pod", "reconciliation", "sign_off")


def cross_check_level(
    drill: DrillFile,
    document: Document,
    applications: Mapping[str, tuple[ApplicationFile, Document]],
    repositories: Mapping[str, RepositoryFile],
) -> Iterator[Problem]:
    """Yield what a drill asks of running applications and starts none, and repositories that restore no parts."""
    if drill.level == "full":
        return
    for key in _NEED_IT_RUNNING:
        if getattr(drill, key):
            message = say(
                "a drill of level {level} starts nothing: leave `{key}` out, or take `level: full`",
                level=drill.level,
                key=key,
            )
            yield document.problem((key,), message, key=True)
    if drill.select.recover_to is not None:
        message = say("a drill of level {level} starts nothing, so nothing is rolled to an instant", level=drill.level)
        yield document.problem(("select", "recover_to"), message, key=True)
    if drill.level != "sample":
        return
    for index, entry in enumerate(drill.recoveries):
        name = entry if isinstance(entry, str) else entry.application
        said = applications[name][0] if name in applications else None
        named = entry.repository if not isinstance(entry, str) else None
        kept = named or (said.backup.repositories[0] if said is not None and said.backup is not None else "")
        repository = repositories.get(kept)
        if repository is not None and not _restores_parts(repository.kind):
            message = say(
                "`{kept}` ({kind}) restores whole recovery points, and no sample of one",
                kept=kept,
                kind=repository.kind,
            )
            yield document.problem(("recoveries", index), message)


def _restores_parts(kind: str) -> bool:
    """Return whether a kind restores parts; of one that cannot be loaded, its own entry has the problem."""
    try:
        return restores_parts(configured_kind(kind))
    except PluginError:
        return True
