"""Compares what a running Orthanc says with what its index and storage hold: whatever it loaded may answer for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.phrase import counted, fact
from drp_verifiers.clinical import inside, numbers, whole_numbers
from drp_verifiers.inside import ask
from drp_verifiers.orthanc_files import StorageOptions, index_said
from drp_verifiers.statements import judged, undetermined

_CHECK = "counts-of-files"
_STATEMENT = fact(
    "orthanc-counts-what-index", "Orthanc counts what its index and its storage hold, as they are read without it"
)
_SHARE = 0.5


def agreement(
    target: Target, options: StorageOptions, expectation: Expectation, said: Mapping[str, int]
) -> Iterator[CheckResult]:
    """Yield whether what the server counts is what lies there; of an index on a server, whether it can be."""
    request = {
        "within": expectation.restored_root,
        "storage": inside(options.storage, expectation),
        "index": inside(options.index, expectation),
        "sqlite": not options.index_command,
        "still": True,
        "seconds": expectation.timeout_seconds * _SHARE,
    }
    answer = ask(target, "orthanc_counts", request, timeout_seconds=expectation.timeout_seconds)
    if answer.trouble is not None:
        yield answer.trouble.result(_CHECK, _STATEMENT)
        return
    files, held = answer.data.get("files"), whole_numbers(answer.data.get("counts"))
    if not said or not isinstance(files, int):
        why = (
            fact("server-gave-no-counts", "the server gave no counts")
            if not said
            else fact("there-no-time-count", "there was no time to count every file")
        )
        yield undetermined(_CHECK, _STATEMENT, observed=why, basis="counted")
        return
    observed = numbers(said)
    lacking = said.get("instances", 0) > files
    if options.index_command or lacking:
        yield judged(
            _CHECK,
            _STATEMENT
            if not options.index_command
            else fact("orthanc-counts-no-more", "Orthanc counts no more images than files are stored"),
            holds=not lacking,
            observed=observed,
            expected=counted("files-in-storage", "{n} file in the storage", "{n} files in the storage", files),
            basis="counted",
        )
    elif not held:
        reason = answer.data.get("reason", answer.data.get("unseen"))
        yield undetermined(_CHECK, _STATEMENT, observed=index_said(reason), basis="counted")
    else:
        expected = numbers(held)
        agrees = {kind: said.get(kind) for kind in held} == held
        yield judged(_CHECK, _STATEMENT, holds=agrees, observed=observed, expected=expected, basis="counted")
