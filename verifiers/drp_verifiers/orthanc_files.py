"""Compares Orthanc's stored attachments with its index, without asking Orthanc: it vouches for files it cannot read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer
from drp.domain.phrase import Phrase, counted, fact, joined, say
from drp_verifiers.amounts import listed
from drp_verifiers.clinical import inside, judge_counts, not_restored, section, trouble_of, whole_numbers
from drp_verifiers.failures import failure
from drp_verifiers.inside import ask, number_of, texts_of
from drp_verifiers.orthanc_identity import identity
from drp_verifiers.restored_code import codes
from drp_verifiers.statements import failed, judged, passed, undetermined, why_it_ended


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an attachment is, as a word for one and for many."""

    word: Phrase
    of: Callable[[int], Phrase]


_KINDS: Mapping[str, _Kind] = {
    "sound": _Kind(say("sound"), lambda n: counted("attachments-sound", "{n} sound", "{n} sound", n)),
    "altered": _Kind(say("altered"), lambda n: counted("attachments-altered", "{n} altered", "{n} altered", n)),
    "missing": _Kind(say("missing"), lambda n: counted("attachments-missing", "{n} missing", "{n} missing", n)),
    "unreadable": _Kind(
        say("unreadable"), lambda n: counted("attachments-unreadable", "{n} unreadable", "{n} unreadable", n)
    ),
    "without-digest": _Kind(
        say("without a digest"),
        lambda n: counted("attachments-undigested", "{n} without a digest", "{n} without a digest", n),
    ),
    "denied": _Kind(say("denied"), lambda n: counted("attachments-denied", "{n} denied", "{n} denied", n)),
}
_SHARE = 0.8
"""Of the time limit: what could be read until then is told, instead of nothing at all."""


class StorageOptions(Protocol):
    """The options that say where storage and index are."""

    @property
    def storage(self) -> str: ...  # noqa: D102 - named by itself
    @property
    def index(self) -> str: ...  # noqa: D102 - the same
    @property
    def index_command(self) -> tuple[str, ...]: ...  # noqa: D102 - the same


def stored_files(
    target: Target, options: StorageOptions, expectation: Expectation, *, still: bool = False
) -> Iterator[Answer]:
    """Yield the index's integrity and counts, whether every row finds its file as it was, and whose the images are.

    ``still``: nothing runs that could change them.
    """
    statement = fact(
        "every-attachment-has-size",
        "every attachment in {storage} has the size and MD5 that the index names",
        storage=options.storage,
    )
    places = (options.storage,) if options.index_command else (options.storage, options.index)
    for place in places if still else ():
        if (elsewhere := not_restored("stored-files", statement, place, expectation)) is not None:
            yield elsewhere
            return
    rows: list[list[str]] | None = None
    if options.index_command:
        execution = target.run(options.index_command, timeout_seconds=expectation.timeout_seconds)
        trouble = trouble_of(options.index_command[0], execution)
        if trouble is not None:
            yield trouble.result("stored-files", statement)
            return
        if execution.exit_code != 0:
            yield failed(
                "stored-files",
                statement,
                observed=fact("index-gave-no-rows", "the index gave no rows: {why}", why=why_it_ended(execution)),
            )
            return
        lines = execution.stdout.decode("utf-8", "replace").splitlines()
        rows = [line.split("\t" if "\t" in line else "|") for line in lines if line.strip()]
    request = {
        "within": expectation.restored_root,
        "storage": inside(options.storage, expectation),
        "index": inside(options.index, expectation),
        "rows": rows,
        "still": still,
        "seconds": expectation.timeout_seconds * _SHARE,
    }
    answer = ask(target, "orthanc_files", request, timeout_seconds=expectation.timeout_seconds)
    if answer.trouble is not None:
        yield answer.trouble.result("stored-files", statement)
        return
    yield from codes(answer.data.get("code"), "index: ")
    if rows is None:
        yield from _index(answer.data, expectation)
    if (reason := answer.data.get("reason")) is not None:
        yield failed("stored-files", statement, observed=index_said(reason))
        return
    if (unseen := answer.data.get("unseen")) is not None:
        yield undetermined("stored-files", statement, observed=index_said(unseen), basis="content")
        return
    yield _files(answer.data, statement)
    yield from identity(answer.data, lookups=rows is None)


def _index(data: Mapping[str, object], expectation: Expectation) -> Iterator[CheckResult]:
    lines = texts_of(data, "integrity")
    yield judged(
        "index-integrity",
        fact("index-sound-database", "the index is a sound database"),
        holds=lines == ("ok",),
        observed=_integrity(lines) or index_said(data.get("reason")),
        expected=fact("ok", "ok"),
    )
    counts = whole_numbers(data.get("counts"))
    statement = fact("index-holds-what-held", "the index holds what it held at backup time")
    yield replace(judge_counts("index-counts", statement, counts, section(expectation, "orthanc")), basis="counted")


def _integrity(lines: Sequence[str]) -> Phrase:
    """Return what SQLite says of a database; ``ok`` is its word for a sound one."""
    return listed([line[:200] for line in lines], named=5)


def index_said(told: object) -> Phrase:
    """Return the words for what the programs said that read the index and the storage without Orthanc."""
    match told:
        case ["no-index", str(folder)]:
            return fact("no-index-in", "there is no index in {folder}", folder=folder)
        case ["no-room", why]:
            return fact("index-no-room", "the index cannot be looked at: {why}", why=failure(why))
        case ["index-unread", str(path), str(words)]:
            return fact("index-file-unread", "{path} cannot be read: {words}", path=path, words=words[:300])
        case ["index-refused", str(words)]:
            return fact("index-unread", "the index cannot be read: {words}", words=words[:300])
        case ["no-table", str(table)]:
            return fact("index-no-table", "{table} of the index is no table that keeps what it shows", table=table)
        case ["time-over", int(number)]:
            return fact("time-over-after-attachments", "the time was over after {number} attachments", number=number)
        case ["led-out", str(elsewhere)]:
            return fact(
                "storage-leads-out", "the storage leads out of what was restored, to {elsewhere}", elsewhere=elsewhere
            )
        case _:
            return failure(told)


def _kinds(counts: Mapping[str, int]) -> Phrase:
    """Return how many attachments are what."""
    return joined([_KINDS[kind].of(number) for kind, number in counts.items() if number and kind in _KINDS], ", ")


def _attachments_named(data: Mapping[str, object]) -> Phrase:
    """Return the first that are not sound, each with what it is."""
    value = data.get("listed")
    pairs = [each for each in value if isinstance(each, list)][:5] if isinstance(value, list) else []
    told = []
    for each in pairs:
        match each:
            case ["row", int(number), _]:
                told.append(say("row {number} of the index: unreadable", number=str(number)))
            case ["file", str(name), str(kind)] if kind in _KINDS:
                told.append(say("{name}: {kind}", name=name[:64], kind=_KINDS[kind].word))
    return joined(told)


def _files(data: Mapping[str, object], statement: Phrase) -> CheckResult:
    counts = whole_numbers(data.get("attachments"))
    rows, bad = number_of(data, "rows"), sum(number for kind, number in counts.items() if kind != "sound")
    summary = _kinds(counts)
    if not rows:
        observed = fact("index-names-no-attachment", "the index names no attachment")
        return undetermined("stored-files", statement, observed=observed, basis="content")
    unknown = counts.get("without-digest", 0) + counts.get("denied", 0)
    expected = _KINDS["sound"].of(rows)
    if bad > unknown:
        observed = fact("attachments-not-sound", "{counts}: {named}", counts=summary, named=_attachments_named(data))
        return failed("stored-files", statement, observed=observed, expected=expected, basis="content")
    if unknown:
        why = (
            fact("orthanc-stored-no-md5", "Orthanc stored no MD5")
            if not counts.get("denied")
            else fact("no-md5-or-reader", "no MD5, or the reader may not read them")
        )
        observed = fact("attachments-unknown", "{counts}: {why}", counts=summary, why=why)
        return undetermined("stored-files", statement, observed=observed, basis="content")
    if orphans := number_of(data, "orphans"):
        summary = counted(
            "files-no-row-names",
            "{counts}; {n} file that no row names, as a copy under load leaves it",
            "{counts}; {n} files that no row names, as a copy under load leaves them",
            orphans,
            counts=summary,
        )
    return passed("stored-files", statement, observed=summary, expected=expected, basis="content")
