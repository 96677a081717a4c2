"""Judges how a restore ended: complete, damaged with the objects named, or cut short by something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from drp.domain.phrase import Phrase, count, quoted, say
from drp.domain.restore import RestoreOutcome, RestoreReceipt
from drp.errors import RepositoryError
from drp.repositories.naming import further
from drp.repositories.restic.answers import Answer, announced_errors, read
from drp.repositories.restic.errors import error_for, kind_of_exit
from drp.repositories.restic.features import Features
from drp.repositories.restic.words import CANNOT_BE_MADE, Kind, kind_of_words

_NAMED = 200
_NO_ANSWER = -1
_FOLLOWS = ": no such file or directory"
_INTERRUPTED = {130, 137, 143}
_ELSEWHERE: tuple[Kind, ...] = ("full", "apart", "password", "denied", "unreachable", "locked", "missing")


def judge(
    outcome: RestoreOutcome, *, repository: str, features: Features, still_there: Callable[[], object]
) -> RestoreReceipt:
    """Return the receipt, or raise when the end says nothing about the backup.

    What a sandbox cannot make is no damage: other owners, device nodes, attributes of a host's root; the hash phase
    judges what it can, and says what not. Such errors may be counted in ``summary["cannot_be_made"]``, not listed.
    ``still_there`` is asked unless bytes were seen to be wrong: it raises what the Repository port names.
    """
    answers = _answers(outcome)
    by_code = kind_of_exit(outcome.exit_code, features)
    if by_code is not None:
        still_there()
        raise error_for(by_code, repository, _reason(answers))
    if outcome.exit_code < _NO_ANSWER or outcome.exit_code in _INTERRUPTED:
        raise RepositoryError(
            say(
                "the restore from {repository} was cut short (ended with {status})",
                repository=repository,
                status=str(outcome.exit_code),
            ),
            hint="look for a time limit, or for memory that ran out",
        )
    if outcome.exit_code != _NO_ANSWER:
        _raise_if_elsewhere(answers, repository, features, still_there)
    unrestored = _unrestored(answers, outcome)
    if unrestored and not any(kind_of_words(answer.message) == "damaged" for answer in answers):
        still_there()
    return RestoreReceipt(
        bytes_restored=_number(outcome.summary, "bytes_restored"),
        files_restored=_number(outcome.summary, "files_restored"),
        unrestored=unrestored,
    )


def _answers(outcome: RestoreOutcome) -> tuple[Answer, ...]:
    """Return errors and tail, each once; a bare line among the errors that begins with a path is about that item."""
    listed = set(outcome.errors)
    return (*map(_about_item, read(outcome.errors)), *read(line for line in outcome.tail if line not in listed))


def _about_item(answer: Answer) -> Answer:
    item, colon, message = answer.message.partition(": ")
    if answer.kind != "text" or not colon or not item.startswith("/"):
        return answer
    return Answer(kind="item", item=item, message=message)


def _raise_if_elsewhere(
    answers: Sequence[Answer], repository: str, features: Features, still_there: Callable[[], object]
) -> None:
    """Raise for an end that is about space or access, unless broken bytes were seen too."""
    kinds = {kind_of_words(answer.message): answer.words for answer in reversed(answers) if answer.kind != "text"}
    if features.tells_password:
        kinds.pop("password", None)
    if "damaged" in kinds:
        return
    for kind in _ELSEWHERE:
        if kind in kinds:
            if kind not in {"full", "apart"}:
                still_there()
            raise error_for(kind, repository, quoted(kinds[kind]))


def _unrestored(answers: Sequence[Answer], outcome: RestoreOutcome) -> tuple[Phrase, ...]:
    items = [answer for answer in answers if answer.kind == "item"]
    found = _names(items)
    named = [quoted(name) for name in found[:_NAMED]]
    if len(found) > _NAMED:
        named.append(count("and {n} more", "and {n} more", len(found) - _NAMED))
    unseen = announced_errors(answers) - len(items) - _number(outcome.summary, "cannot_be_made")
    if unseen > 0:
        named.append(further(unseen))
    only_refused = bool(items) or _number(outcome.summary, "cannot_be_made") > 0
    if outcome.exit_code != 0 and not named and not (only_refused and announced_errors(answers)):
        named.append(_reason(answers))
    return tuple(named)


def _names(items: Sequence[Answer]) -> list[str]:
    """Return what was not restored, each once, without the complaints that follow from a file that is not there."""
    first: dict[str, str] = {}
    named: dict[str, None] = {}
    for item in items:
        follows = item.item in first and item.message.endswith(_FOLLOWS)
        if kind_of_words(item.message) not in CANNOT_BE_MADE and not follows:
            first.setdefault(item.item, item.message)
            named[item.words] = None
    return list(named)


def _reason(answers: Sequence[Answer]) -> Phrase:
    finals = [answer for answer in answers if answer.kind == "final"] or list(answers)
    return quoted(finals[0].words) if finals else say("the backup tool ended badly and said nothing")


def _number(summary: Mapping[str, object], name: str) -> int:
    value = summary.get(name)
    return value if isinstance(value, int) and value > 0 else 0
