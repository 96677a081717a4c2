"""What is thrown at every parser of hostile bytes, and what each may do with it: answer, or refuse in its own way."""

from __future__ import annotations

import json
import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st

from drp.codec import canonical
from drp.domain.answer import read_answer
from drp.domain.check import Expectation
from drp.domain.first_fatal import first_fatal
from drp.domain.runbook import RunbookResult
from drp.domain.strict_json import Limits, Malformed, bounded, parse
from drp.drill.phases.notices import notice_findings
from drp.errors import DrpError, EvidenceError, ManifestError, SandboxError
from drp.evidence.record import read_record
from drp.manifests.entries import entries
from drp.manifests.layout import decode, group_offsets
from drp.manifests.opening import open_manifest
from drp.manifests.proof import check_proof
from drp.repositories.copies.dialect import DIALECT
from drp.repositories.restic.answers import read
from drp.repositories.restic.dialect import JSON
from drp.repositories.restic.snapshots import read_snapshots
from drp.repositories.restic.source_root import TreeListing
from drp.runbooks.events import Recording
from drp.runbooks.relay import _read as read_progress
from drp.sandboxes.client import parse_end
from drp.sandboxes.proof.isolation import _read as read_probe
from drp_verifiers.command import CommandOptions, _statement
from drp_verifiers.inside import ANSWER
from drp_verifiers.postgres_session import NoAnswer, json_lines
from drp_verifiers.records import _lines, _parsed
from tests.support.hostile_manifests import SOUND, forged, malformed

_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EXPECTATION = Expectation(disaster_at=_NOON, consistent_at=_NOON, declared_at=_NOON, timeout_seconds=5)
Target = Callable[[bytes], object]
DECLARED: Mapping[str, object] = {
    "changed": "bool",
    "pid?": "int",
    "name?": "text",
    "names?": ["text"],
    "notices?": "notices",
}


def _manifest(data: bytes) -> None:
    """Open and read a manifest as everything that reads one."""
    descriptor, name = tempfile.mkstemp()
    try:
        os.write(descriptor, data)
        with suppress(ManifestError), open_manifest(Path(name)) as manifest:
            canonical(manifest.summary().facts)
            for entry in entries(manifest):
                entry.document(manifest.algorithms)
    finally:
        os.close(descriptor)
        Path(name).unlink()


def _groups(data: bytes) -> None:
    with suppress(ManifestError):
        for offset in group_offsets(data):
            decode(data, offset)


def _proof(data: bytes) -> None:
    with suppress(Malformed, EvidenceError, ManifestError):
        document = parse(data, Limits(largest=1 << 64))
        if isinstance(document, dict):
            check_proof(document)


def _events(data: bytes) -> None:
    """Take any data as an event of Ansible and as outputs; what is kept can be written down."""
    recording = Recording()
    with suppress(Malformed):
        said = parse(data, Limits(depth=200, largest=0, half_pairs=True))
        for kind in ("runner_on_failed", "playbook_on_stats", "verbose"):
            recording.take({"event": kind, "event_data": said, "stdout": said})
        recording.take({"event": "playbook_on_stats", "event_data": {"artifact_data": said}})
        bounded(recording.outputs, Limits(size=4 << 20))
        canonical(recording.outputs)
        notice_findings(RunbookResult(step="start", ok=True, tasks=(), outputs={"drp_notices": said}))


def _records(data: bytes) -> None:
    with suppress(ValueError):
        for line in _lines([zlib.compress(data)]):
            _parsed(line)
    with suppress(ValueError):
        list(_lines([data]))


def _tree(data: bytes) -> None:
    listing = TreeListing(["/srv"])
    listing.take(data.decode("utf-8", "replace"))
    listing.root()


def _refusing(target: Target, *errors: type[BaseException]) -> Target:
    def run(data: bytes) -> None:
        with suppress(*errors):
            target(data)

    return run


TARGETS: Mapping[str, Target] = {
    "strict JSON": _refusing(lambda data: canonical(parse(data)), Malformed),
    "verifiers' answers": _refusing(lambda data: parse(data, ANSWER), Malformed),
    "answers of roles": _refusing(lambda data: canonical(read_answer(data, DECLARED)), Malformed),
    "agent's end": _refusing(parse_end, SandboxError),
    "isolation probe": _refusing(read_probe, SandboxError),
    "progress": read_progress,
    "Ansible's events": _events,
    "restic's words": lambda data: read(data.decode("utf-8", "replace").splitlines()),
    "restic's dialect": lambda data: JSON.read(data.decode("utf-8", "replace")),
    "copies' dialect": lambda data: DIALECT.read(data.decode("utf-8", "replace")),
    "restic's snapshots": _refusing(lambda data: read_snapshots(data.decode("utf-8", "replace")), ValueError),
    "restic's tree": _tree,
    "manifest": _manifest,
    "groups of a manifest": _groups,
    "proof": _proof,
    "psql": _refusing(json_lines, NoAnswer),
    "records": _records,
    "a site's statements": lambda data: _statement(1, data, CommandOptions(argv=("x",)), EXPECTATION),
    "evidence": _refusing(read_record, DrpError),
    "a log": lambda data: first_fatal(data.decode("utf-8", "replace").splitlines()),
}
"""Every parser by name; whatever else than its own refusal leaves it is a bug."""

_WORDS = (
    b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\\u", b"\\ud800", b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"null",
    b"true", b"\n", b"\0", b"\xff", b"\xed\xa0\x80", b"\x1b[K", b"!!python/object:os.system", b"&a [*a]", b"!vault |", b"{{ 1 }}",
    b'{"message_type":"error","error":{"message":"', b'{"rc":0}', b'"notices"', b'"changed":true', b'["end",""]',
)  # fmt: skip


def seeds(target: str) -> list[bytes]:
    """Return the corpus that a target starts from."""
    if target == "manifest":
        return [forged(), *(content for _, content in malformed())]
    if target == "groups of a manifest":
        return list(SOUND)
    texts: Iterable[object] = (
        {"changed": True, "pid": 7, "notices": [{"kind": "unused", "subject": "x", "observed": "y"}]}, {"rc": 0, "ms": 4},
        {"checks": [{"id": "a", "kind": "k", "outcome": "denied", "detail": ""}], "facts": {}}, {"check": "c", "outcome": "passed"},
        {"message_type": "summary", "files_restored": 4}, {"watermark": "2026-11-20T10:00:00Z"}, [{"id": "0" * 64, "tags": ["a"]}],
        {"artifact_data": {"drp_restore": {"exit_code": 0}}, "res": {"msg": "x"}, "task": "t", "duration": 1.5},
        {"bytes_restored": 1 << 62, "done_bytes": -1}, {"a": {"b": [[[]]]}}, {"path": "/srv", "type": "dir"},
    )  # fmt: skip
    return [json.dumps(text).encode() for text in texts] + [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'"\\ud800"',
        b"b0: &b0 [lol]",
    ]


def hostile(target: str) -> st.SearchStrategy[bytes]:
    """Return bytes for a target: of its corpus, cut, joined, with words and integers put in."""
    corpus = st.sampled_from([seed for seed in seeds(target) if len(seed) < 20_000])
    piece = st.one_of(
        st.sampled_from(_WORDS),
        st.binary(max_size=12),
        st.integers(0, 2**32 - 1).map(lambda number: struct.pack("<I", number)),
    )

    def changed(parts: tuple[bytes, list[tuple[int, int, bytes]]]) -> bytes:
        data = parts[0]
        for at, width, put in parts[1]:
            place = at % (len(data) + 1)
            data = data[:place] + put + data[place + width :]
        return data

    cuts = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 8), piece), max_size=6)
    return st.one_of(st.tuples(corpus, cuts).map(changed), st.lists(piece, max_size=20).map(b"".join))
