"""Compares Orthanc's stored attachments with its index, without asking Orthanc: it vouches for files it cannot read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer
from drp.domain.phrase import fact
from drp_verifiers.clinical import inside, judge_counts, not_restored, section, trouble_of, whole_numbers
from drp_verifiers.inside import ask, number_of, text_of, texts_of
from drp_verifiers.orthanc_identity import identity
from drp_verifiers.restored_code import codes
from drp_verifiers.statements import failed, judged, passed, undetermined, why_it_ended

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
                observed=fact(
                    "index-gave-no-rows", "the index gave no rows: {why_it_ended}", why_it_ended=why_it_ended(execution)
                ),
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
    if reason := text_of(answer.data, "reason"):
        yield failed("stored-files", statement, observed=reason)
        return
    if unseen := text_of(answer.data, "unseen"):
        yield undetermined("stored-files", statement, observed=unseen, basis="content")
        return
    yield _files(answer.data, statement)
    yield from identity(answer.data, lookups=rows is None)


def _index(data: Mapping[str, object], expectation: Expectation) -> Iterator[CheckResult]:
    lines = texts_of(data, "integrity")
    yield judged(
        "index-integrity",
        fact("index-sound-database", "the index is a sound database"),
        holds=lines == ("ok",),
        observed="; ".join(lines)[:400] or text_of(data, "reason"),
        expected=fact("ok", "ok"),
    )
    counts = whole_numbers(data.get("counts"))
    statement = fact("index-holds-what-held", "the index holds what it held at backup time")
    yield replace(judge_counts("index-counts", statement, counts, section(expectation, "orthanc")), basis="counted")


def _files(data: Mapping[str, object], statement: str) -> CheckResult:
    counts = whole_numbers(data.get("attachments"))
    rows, bad = number_of(data, "rows"), sum(number for kind, number in counts.items() if kind != "sound")
    summary = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number)
    if not rows:
        return undetermined(
            "stored-files",
            statement,
            observed=fact("index-names-no-attachment", "the index names no attachment"),
            basis="content",
        )
    unknown = counts.get("without-digest", 0) + counts.get("denied", 0)
    if bad > unknown:
        named = "; ".join(texts_of(data, "listed")[:5])
        observed = f"{summary}: {named}"
        return failed(
            "stored-files",
            statement,
            observed=observed,
            expected=fact("orthanc-files-sound", "{rows} sound", rows=rows),
            basis="content",
        )
    if unknown:
        why = (
            fact("orthanc-stored-no-md5", "Orthanc stored no MD5")
            if not counts.get("denied")
            else fact("no-md5-or-reader", "no MD5, or the reader may not read them")
        )
        return undetermined("stored-files", statement, observed=f"{summary}: {why}", basis="content")
    orphans = number_of(data, "orphans")
    beside = f"; {orphans} files that no row names, as a copy under load leaves them" if orphans else ""
    observed, expected = f"{summary}{beside}", f"{rows} sound"
    return passed("stored-files", statement, observed=observed, expected=expected, basis="content")
