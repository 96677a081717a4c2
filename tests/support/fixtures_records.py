"""Sample journals of drills that ended in every way, built from domain types, and the records they give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.application import Objectives
from drp.domain.check import CheckResult
from drp.domain.events import (
    Entry,
    EvidenceSealed,
    PhaseFailed,
)
from drp.domain.evidence import EvidenceRecord
from drp.domain.findings.catalogue import (
    CHECK_UNDETERMINED,
    FILE_CHANGED,
    FILE_MISSING,
    MANIFEST_MISSING,
    RTO_MISSED,
)
from drp.domain.manifest import Deviation, encode_path, show_path
from drp.domain.recovery_point import Immutability
from drp.evidence.record import make_record
from tests.support.sample_journal import Tale, Teller, tale, tell
from tests.support.sample_outputs import application, hashed, prepared, selected, verified
from tests.support.sample_worm import attacked_journal, immutable_journal, lying_journal

TOOLS = {"restic": "0.14.0", "ansible-core": "2.19.4", "bubblewrap": "0.8.0", "blake3": "1.0.5", "postgresql": "15.18"}
HOSTILE = b"scans/\xe2\x80\xaegpj.exe\n<script>alert(1)</script>\x1b[31m\xff|`x`"


def passed_journal() -> list[Entry]:
    return tell(tale())


def deviation(raw: bytes, kind: str = "changed") -> Deviation:
    return Deviation(
        kind=kind,  # type: ignore[arg-type]
        path=show_path(raw),
        path_b64=encode_path(raw),
        expected="blake3:" + "0a" * 32 if kind != "unexpected" else "",
        observed="blake3:" + "f3" * 32 if kind == "changed" else "",
    )


def hash_failure_journal(path: bytes = b"srv/ehr/scans/2026/11/doc-000412.pdf") -> list[Entry]:
    deviations = [
        deviation(path),
        deviation(HOSTILE),
        *(deviation(b"srv/ehr/scans/lost-%04d.pdf" % number, "missing") for number in range(100)),
    ]
    difference = hashed(*deviations, counts={"changed": 2, "missing": 431})
    findings = (
        FILE_CHANGED.finding(subject=show_path(path), observed="blake3:f3f3…", expected="blake3:0a0a…"),
        FILE_MISSING.finding(subject="431 entries", observed="absent", expected="2,611 entries"),
    )
    outputs = tale().outputs | {"hash": replace(difference, findings=(*difference.findings, *findings))}
    return tell(tale(outputs=outputs))


def missed_rto_journal() -> list[Entry]:
    """A cold medium that had to be fetched: the wait is inside the recovery time, and shown apart."""
    base = tale()
    select = replace(
        selected(),
        media_wait_ms=9_600_000,
        immutability=Immutability(mode="offline", provenance="declared", remarks=("medium VAULT-07",)),
    )
    tight = application(
        "lab",
        "Laboratory information system",
        objectives=Objectives(rto=timedelta(hours=2), rpo=timedelta(hours=1)),
        repositories=("vault",),
    )
    return tell(
        replace(
            base,
            application=tight,
            outputs=base.outputs | {"select": select},
            durations=base.durations | {"select": 9_601_460},
            raised=[RTO_MISSED.finding(subject="lab", observed="2:40:20", expected="2:00:00")],
        )
    )


def inconclusive_journal() -> list[Entry]:
    base = tale()
    missing = replace(
        hashed(manifest=False),
        findings=(
            MANIFEST_MISSING.finding(
                subject="point 7c1f0e8b", observed="no manifest", expected="a manifest made at backup time"
            ),
        ),
    )
    unsure = verified(
        CheckResult(
            check="documents",
            outcome="undetermined",
            statement="the newest document can be opened",
            observed="timed out after 300 s",
            expected="a readable PDF",
            duration_ms=300_000,
        )
    )
    finding = CHECK_UNDETERMINED.finding(subject="documents", observed="timed out", expected="a result")
    unsure = replace(unsure, watermark=None, findings=(*unsure.findings, finding))
    return tell(
        replace(
            base,
            outputs=base.outputs | {"hash": missing, "verify": unsure},
            durations=base.durations | {"verify": 301_730},
        )
    )


def aborted_journal() -> list[Entry]:
    base = tale()
    return tell(
        replace(
            base,
            outputs={"select": selected(), "prepare": prepared()},
            failure=PhaseFailed(
                recovery="ehr",
                phase="restore",
                code="DRP-E110",
                message="restic was stopped",
                hint="the drill was sealed as aborted; run it again when you are ready",
                exit_status=130,
            ),
        ),
        interruption="SIGINT",
    )


def unreachable_journal() -> list[Entry]:
    """Two applications: the first recovers, the repository of the second does not answer."""
    lab = application("lab", "Laboratory information system", tier=1)
    failure = PhaseFailed(
        recovery="lab",
        phase="select",
        code="DRP-E031",
        message="no answer from 127.0.0.1:9000 within 10 s",
        hint="check the endpoint, the network path and the service, then try again",
        exit_status=13,
    )
    return tell(tale(), Tale(application=lab, outputs={}, durations={"select": 10_020}, failure=failure))


JOURNALS: dict[str, Callable[[], list[Entry]]] = {
    "passed": passed_journal,
    "failed": hash_failure_journal,
    "missed": missed_rto_journal,
    "inconclusive": inconclusive_journal,
    "aborted": aborted_journal,
    "unreachable": unreachable_journal,
    "immutable": immutable_journal,
    "attacked": attacked_journal,
    "lying": lying_journal,
}


def sample_record(name: str) -> EvidenceRecord:
    return make_record(JOURNALS[name](), TOOLS)


def sealed(entries: list[Entry], record_digest: str) -> list[Entry]:
    """Return the journal with its seal."""
    teller = Teller(entries[0].drill)
    teller.entries, teller.now_ms = list(entries), 1_000_000
    teller.say(EvidenceSealed(record_digest=record_digest, location="/var/lib/drp/evidence"))
    return teller.entries


@pytest.fixture(params=sorted(JOURNALS))
def any_record(request: pytest.FixtureRequest) -> EvidenceRecord:
    """Every sample record in turn."""
    return sample_record(request.param)
