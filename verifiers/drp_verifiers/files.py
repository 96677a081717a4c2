"""The ``files`` verifier: a restored tree holds what it must, and is what its names say.

Whether each file is the one that was backed up is the manifest's business (the hash phase), not this verifier's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer as Stated
from drp.domain.judged import Part
from drp.domain.phrase import Phrase, Size, counted, fact, say
from drp.domain.tree_parts import PARTS
from drp_verifiers.amounts import listed
from drp_verifiers.clinical import not_restored
from drp_verifiers.failures import failure
from drp_verifiers.inside import Answer, ask, number_of, text_of, texts_of
from drp_verifiers.restored_code import code_of_command
from drp_verifiers.statements import judged, undetermined
from drp_verifiers.watermarks import Newest, judge, undated

_NAMED = 20
_BEGINNINGS = fact("files-begin-as-named", "files of well-known kinds begin as their extension says")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesOptions:
    """What may be said about a tree."""

    root: str = "."
    """Folder, relative to the restored tree or absolute inside the sandbox."""
    files_at_least: int = 1
    """Fewer files fail; 0: any number will do."""
    bytes_at_least: int = 0
    """Fewer bytes in all fail; 0: any number will do."""
    must_exist: tuple[str, ...] = ()
    """Paths below the root; a dangling link counts as existing."""
    no_empty_files: bool = False
    """Fail when a file is empty."""
    magic: bool = False
    """Compare the first bytes of well-known kinds (PDF, JPEG, DICOM, ZIP, …) with what the extension says."""
    newest: bool = False
    """Take the newest modification time as watermark: only for trees whose files are written once."""
    clock_skew_seconds: float = 0.0
    """How far the file server's clock may have run ahead of the instant of the disaster."""
    canary: str = ""
    """Path below the root of the file that holds drp's heartbeat; empty: there is none."""
    within_seconds: float | None = None
    """Fail when the heartbeat is older than this, seen from the recovery point's instant."""


class FilesVerifier:
    """Walks a restored tree, before anything restored has run."""

    name: ClassVar[str] = "files"
    Options: ClassVar[type] = FilesOptions
    parts: ClassVar[tuple[Part, ...]] = PARTS

    def read(self, target: Target, options: object, expectation: Expectation) -> Iterator[Stated]:
        """Yield size, readability and presence, then what the options ask for."""
        assert isinstance(options, FilesOptions)
        yield from code_of_command(target, expectation)
        statement = fact("tree-holds-files", "{root} holds files", root=options.root)
        if (elsewhere := not_restored("tree", statement, options.root, expectation)) is not None:
            yield undated(elsewhere) if options.newest or options.canary else elsewhere
            return
        root = posixpath.normpath(posixpath.join(expectation.restored_root, options.root))
        request = {
            "root": root,
            "within": expectation.restored_root,
            "must_exist": options.must_exist,
            "magic": options.magic,
            "canary": options.canary,
        }
        answer = ask(target, "tree", request, timeout_seconds=expectation.timeout_seconds)
        if answer.trouble is not None:
            trouble = answer.trouble.result("tree", statement)
            yield undated(trouble) if options.newest or options.canary else trouble
            return
        files, size = number_of(answer.data, "files"), number_of(answer.data, "bytes")
        yield judged(
            "tree",
            statement,
            holds=answer.data.get("exists") is True
            and files >= max(1, options.files_at_least)
            and size >= options.bytes_at_least,
            observed=_seen(answer, files, size),
            expected=fact(
                "at-least-files-and-bytes",
                "at least {files}, {size}",
                files=_so_many(max(1, options.files_at_least)),
                size=Size(options.bytes_at_least),
            ),
        )
        yield from _details(answer, options, expectation)


def _so_many(number: int) -> Phrase:
    return counted("files-number", "{n} file", "{n} files", number)


def _seen(answer: Answer, files: int, size: int) -> Phrase:
    if elsewhere := text_of(answer.data, "elsewhere"):
        return fact("link-leads-out", "a link leads out of what was restored, to {elsewhere}", elsewhere=elsewhere)
    return (
        fact("files-and-bytes", "{files}, {size}", files=_so_many(files), size=Size(size))
        if answer.data.get("exists") is True
        else fact("no-such-folder", "no such folder")
    )


def _details(answer: Answer, options: FilesOptions, expectation: Expectation) -> Iterator[CheckResult]:
    if number_of(answer.data, "unreadable"):
        yield undetermined(
            "readable",
            fact("every-folder-file-can", "every folder and file can be looked at"),
            observed=_listed(answer, "unreadable"),
        )
    if options.must_exist:
        missing = texts_of(answer.data, "missing")
        yield judged(
            "must-exist",
            counted("named-paths-exist", "{n} named path exists", "{n} named paths exist", len(options.must_exist)),
            holds=answer.data.get("missing") == [],
            observed=fact("paths-missing", "missing: {paths}", paths=listed(missing, named=20, between=", "))
            if missing
            else fact("paths-all-exist", "all exist"),
            expected=fact("paths-all-exist", "all exist"),
        )
    if options.no_empty_files:
        yield _none(answer, "empty", fact("no-file-empty", "no file is empty"))
    if options.magic:
        yield _none(answer, "mismatched", _BEGINNINGS)
    if options.newest:
        yield _newest(answer, options, expectation)
    if options.canary:
        source = Newest(
            query=options.canary,
            canary=True,
            clock_skew_seconds=options.clock_skew_seconds,
            within_seconds=options.within_seconds,
        )
        yield judge(text_of(answer.data, "canary") or None, source, expectation, store=_store(options), check="canary")


def _listed(answer: Answer, kind: str) -> Phrase:
    """Return how many paths are remarkable, and the first of them, each with the system's error where it has one."""
    value = answer.data.get(f"{kind}_list")
    told: list[object] = []
    for each in value if isinstance(value, list) else ():
        match each:
            case [str(path), list(why)]:
                told.append(say("{path}: {why}", path=path, why=failure(why)))
            case str(path):
                told.append(path)
    named = listed(told, named=_NAMED, between=", ")
    return fact("number-and-named", "{number}: {named}", number=number_of(answer.data, kind), named=named)


def _none(answer: Answer, kind: str, statement: Phrase) -> CheckResult:
    holds = number_of(answer.data, kind) == 0
    none = fact("none-of-them", "none")
    return judged(kind, statement, holds=holds, observed=none if holds else _listed(answer, kind), expected=none)


def _newest(answer: Answer, options: FilesOptions, expectation: Expectation) -> CheckResult:
    nanoseconds = answer.data.get("newest_ns")
    source = Newest(query=f"{options.root}/**: max(mtime)", clock_skew_seconds=options.clock_skew_seconds)
    if not isinstance(nanoseconds, int):
        return judge(None, source, expectation, store=_store(options))
    try:
        at = datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        at = f"{nanoseconds} ns"
    found = judge(at, source, expectation, store=_store(options))
    if not found.undated:
        return found
    where = text_of(answer.data, "newest_path")
    return replace(found, observed=fact("newest-and-where", "{seen}: {path}", seen=found.observed, path=where))


def _store(options: FilesOptions) -> str:
    return f"files {options.root}"
