"""From an exit code and words to what they mean: refused, unreachable, missing, no space, damaged.

A code, where the version has one, decides; words are asked only when the code says nothing. Measured with 0.14 and
0.18 on every kind of damage: whenever bytes of a file were lost, the exit code was not zero.
"""

from __future__ import annotations

from collections.abc import Sequence

from drp.command import Output
from drp.domain.phrase import Phrase, quoted, say
from drp.errors import AccessDenied, DrpError, RepositoryError, StorageFull, Unreachable
from drp.repositories.restic import answers
from drp.repositories.restic.answers import Answer
from drp.repositories.restic.features import Features
from drp.repositories.restic.words import Kind, kind_of_words


def kind_of_exit(exit_code: int, features: Features) -> Kind | None:
    """Return what the exit code alone says, None when this version's code says nothing."""
    if features.tells_missing and exit_code in {10, 11}:
        return "missing" if exit_code == 10 else "locked"
    return "password" if features.tells_password and exit_code == 12 else None


def kind_of_failure(exit_code: int, lines: Sequence[str], features: Features) -> tuple[Kind, Phrase]:
    """Return what the end of a command that reads the repository means, with its own words."""
    read = answers.read(lines)
    reason = _reason(read)
    by_code = kind_of_exit(exit_code, features)
    if by_code is not None:
        return by_code, reason
    kinds = [kind_of_words(answer.message) for answer in read if answer.kind != "item"]
    if features.tells_password:  # then a text about the password without the code is somebody else's text
        kinds = [kind for kind in kinds if kind != "password"]
    known = [kind for kind in kinds if kind != "unclear"]
    return (known[0] if known else "unclear"), reason


def _reason(read: Sequence[Answer]) -> Phrase:
    finals = [answer for answer in read if answer.kind == "final"]
    chosen = finals or [answer for answer in read if answer.kind == "text"] or list(read)
    return quoted(chosen[0].words) if chosen else say("it said nothing")


def error_for(kind: Kind, name: str, words: Phrase) -> DrpError:
    """Return the error that a kind stands for when it ends a call on repository ``name``."""
    match kind:
        case "password":
            return AccessDenied(say("repository {name} refuses the password: {words}", name=name, words=words))
        case "denied":
            return AccessDenied(say("repository {name} refuses access: {words}", name=name, words=words))
        case "unreachable":
            return Unreachable(say("repository {name} does not answer: {words}", name=name, words=words))
        case "full":
            return StorageFull(
                say("no space while repository {name} was read: {words}", name=name, words=words),
                hint="raise `data_bytes` of the sandbox profile, or free space on this host",
            )
        case "apart":
            return RepositoryError(
                say("a file of repository {name} has names on two data volumes: {words}", name=name, words=words),
                hint="name a folder that holds both of them in `data_volumes` of the sandbox profile",
            )
        case "missing":
            return RepositoryError(
                say("repository {name} is not there: {words}", name=name, words=words), hint="check its location"
            )
        case "locked":
            return RepositoryError(
                say("repository {name} is locked by its own tool: {words}", name=name, words=words),
                hint="wait until the backup job has ended",
            )
        case _:
            return RepositoryError(say("repository {name} cannot be read: {words}", name=name, words=words))


def no_end(name: str, ended_by: str) -> Phrase:
    """Return that a call was ended: ``idle`` after silence, otherwise by its time limit."""
    if ended_by == "idle":
        return say("the backup tool gave no sign of life on repository {name}", name=name)
    return say("the backup tool gave no end within its time limit on repository {name}", name=name)


def error_of(output: Output, name: str, features: Features) -> DrpError:
    """Return the error for a call of restic that ended badly."""
    if output.ended_by != "itself":
        return Unreachable(
            no_end(name, output.ended_by),
            hint="raise the repository's time limits if it is slow",
        )
    kind, words = kind_of_failure(output.exit_code, output.tail, features)
    return error_for(kind, name, words)
