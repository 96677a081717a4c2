"""Names the code that a backup brings, each piece with its digest, for what was known of it to be compared."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer
from drp.domain.judged import NotJudged
from drp.domain.phrase import count, counted, fact, joined, quoted, say
from drp.domain.restored_code import RestoredCode
from drp_verifiers.clinical import inside
from drp_verifiers.inside import ask, number_of
from drp_verifiers.statements import judged, undetermined

_CHECK = "restored-code"
_STATEMENT = fact("all-code-backup-brings", "all code that the backup brings is named with its digest")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LONGEST = 300
_ROOT = "{restored_root}"
"""Stands in a command for where the restored tree begins."""
_SHARE = 0.8


def codes(value: object, where: str) -> Iterator[RestoredCode]:
    """Yield the pieces of a mapping from name to SHA-256; what is something else in it is left out."""
    for name, digest in sorted(value.items()) if isinstance(value, Mapping) else ():
        if isinstance(name, str) and isinstance(digest, str) and _DIGEST.fullmatch(digest):
            yield RestoredCode(name=_bounded(f"{where}{name}"), digest=f"sha256:{digest}")


def _bounded(name: str) -> str:
    """Return a name that has an end, and is no other's."""
    if len(name) <= _LONGEST:
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{name[:_LONGEST]}… {mark}"


def code_of_command(target: Target, expectation: Expectation) -> Iterator[NotJudged | RestoredCode]:
    """Yield the restored files that the application's runbook is told to run, or to give to what it runs."""
    command, environment = expectation.inputs.get("command"), expectation.inputs.get("environment")
    if not isinstance(command, Sequence) or isinstance(command, str):
        return
    words = [*command, *(environment.values() if isinstance(environment, Mapping) else ())]
    root = expectation.restored_root
    directory = str(expectation.inputs.get("directory") or root)
    request = {
        "root": root,
        "words": [str(word).replace(_ROOT, root) for word in words],
        "directory": directory.replace(_ROOT, root),
    }
    answer = ask(target, "command_code", request, timeout_seconds=expectation.timeout_seconds)
    if answer.trouble is not None or answer.data.get("unread"):
        why = (
            answer.trouble.reason
            if answer.trouble is not None
            else fact("file-command-cannot-read", "a file of its command cannot be read, or it has too many words")
        )
        yield NotJudged(part=say("which restored program answers"), why=why)
    yield from codes(answer.data.get("code"), "")


def code_of_settings(
    target: Target, expectation: Expectation, path: str, *, kind: str
) -> Iterator[CheckResult | NotJudged | RestoredCode]:
    """Yield the settings of a restored configuration that name or hold code, each with the digest of what it says.

    ``kind``: ``ini`` as Tryton's, ``json`` as Orthanc's. One that cannot be read is not judged.
    """
    request = {"path": inside(path, expectation), "kind": kind}
    answer = ask(target, "code_settings", request, timeout_seconds=expectation.timeout_seconds)
    if answer.trouble is not None:
        statement = fact("settings-that-name-code-named", "the settings that name code are named")
        yield answer.trouble.result("code-settings", statement)
        return
    if isinstance(reason := answer.data.get("reason"), str):
        yield NotJudged(part=say("settings of {path} that name code", path=path), why=quoted(reason))
    yield from codes(answer.data.get("code"), f"{path}: ")


def code_of_files(
    target: Target,
    expectation: Expectation,
    *,
    suffixes: Sequence[str],
    leave: Sequence[str] = (),
    marker: str = "",
    programs: bool = False,
) -> Iterator[Answer]:
    """Yield the code among the restored files, by their names, and whether that is all of it.

    ``leave``: folders of data. ``marker``: a file that makes its folder one piece. ``programs``: also what may be run,
    whatever its name.
    """
    request = {
        "root": expectation.restored_root,
        "suffixes": list(suffixes),
        "leave": [inside(folder, expectation) for folder in leave if folder],
        "marker": marker,
        "programs": programs,
        "seconds": expectation.timeout_seconds * _SHARE,
    }
    answer = ask(target, "restored_code", request, timeout_seconds=expectation.timeout_seconds)
    if answer.trouble is not None:
        yield answer.trouble.result(_CHECK, _STATEMENT)
        return
    if answer.data.get("exists") is not True:
        yield NotJudged(
            part=say("code that the backup brings"),
            why=fact("there-no-here", "there is no {restored_root} here", restored_root=expectation.restored_root),
        )
        return
    found = tuple(codes(answer.data.get("code"), ""))
    yield from found
    more, unread = number_of(answer.data, "more"), number_of(answer.data, "unread")
    if more:
        yield from codes({f"{more} more": answer.data.get("rest")}, "")
    observed = fact(
        "pieces-among-files",
        "{pieces} among {files}",
        pieces=count("{n} piece", "{n} pieces", len(found) + more),
        files=count("{n} file", "{n} files", number_of(answer.data, "files")),
    )
    if unread or answer.data.get("whole") is not True:
        why = (
            counted(
                "files-or-folders-unread",
                "{n} file or folder cannot be read",
                "{n} files or folders cannot be read",
                unread,
            )
            if unread
            else fact("there-more-files-than", "there are more files than were looked at")
        )
        yield undetermined(_CHECK, _STATEMENT, observed=joined((observed, why)))
    else:
        yield judged(_CHECK, _STATEMENT, holds=True, observed=observed)
