"""Tries a PACS as modalities and workstations use it: C-ECHO, C-FIND and C-GET by dcmtk inside the sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from drp.domain.check import CheckResult, Target
from drp.domain.phrase import fact, quoted
from drp_verifiers.clinical import trouble_of
from drp_verifiers.inside import text_of, texts_of
from drp_verifiers.statements import judged, seen_outside, undetermined, why_it_ended

_UID = re.compile(r"[0-9.]{1,64}")
_FOUND = re.compile(rb"\(0020,000d\) UI \[([0-9.]{1,64})")
_GET = 'd=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT && getscu -S -od "$d" "$@" && ls "$d" | wc -l'
"""Fetches into a folder that is removed at once, and prints how many files came."""
_PLAIN = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}
"""All that getscu takes (PS3.6, table A-1); not every server can unpack every image for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomPeer:
    """Where the DICOM server is inside the sandbox, and the titles of both sides."""

    host: str
    port: int
    called: str
    calling: str
    seconds: float

    @property
    def words(self) -> tuple[str, ...]:
        """Return the arguments that every dcmtk client takes."""
        limit = str(max(1, int(self.seconds)))
        return ("-aet", self.calling, "-aec", self.called, "-to", limit, "-ta", limit, "-td", limit)

    @property
    def address(self) -> tuple[str, ...]:
        """Return host and port as arguments."""
        return (self.host, str(self.port))


def network(
    target: Target, peer: DicomPeer, samples: Sequence[Mapping[str, object]], uids: int | None
) -> Iterator[CheckResult]:
    """Yield C-ECHO, the number of studies that C-FIND lists, and C-GET of each sample study."""
    statement = fact(
        "dicom-server-answers-c",
        "the DICOM server on {host}:{port} answers a C-ECHO",
        host=peer.host,
        port=str(peer.port),
    )
    execution = target.run(("echoscu", *peer.words, *peer.address), timeout_seconds=peer.seconds * 2)
    trouble = trouble_of("echoscu", execution)
    if trouble is not None:
        yield seen_outside(trouble.result("c-echo", statement))
        return
    echoed = execution.exit_code == 0
    observed = fact("answered", "answered") if echoed else why_it_ended(execution)
    yield seen_outside(judged("c-echo", statement, holds=echoed, observed=observed))
    if not echoed:
        return
    yield _find(target, peer, uids)
    if not samples:
        yield undetermined(
            "c-get",
            fact("c-get-fetches-studies", "C-GET fetches studies"),
            observed=fact("there-no-study-try", "there was no study to try it with"),
        )
    for sample in samples:
        yield _get(target, peer, sample)


def _find(target: Target, peer: DicomPeer, uids: int | None) -> CheckResult:
    keys = ("-k", "0008,0052=STUDY", "-k", "0020,000d")
    execution = target.run(("findscu", "-v", "-S", *peer.words, *keys, *peer.address), timeout_seconds=peer.seconds * 6)
    statement = fact("c-find-lists-every", "C-FIND lists every study that the PACS counts")
    trouble = trouble_of("findscu", execution)
    if trouble is not None:
        return trouble.result("c-find", statement)
    listed = set(_FOUND.findall(execution.stdout + execution.stderr))
    if not uids:
        return undetermined(
            "c-find",
            statement,
            observed=fact("studies-pacs-itself-listed", "{n} studies, the PACS itself listed none", n=len(listed)),
        )
    return judged(
        "c-find",
        statement,
        holds=execution.exit_code == 0 and len(listed) == uids,
        observed=fact("studies", "{n} studies", n=len(listed)),
        expected=fact("orthanc-dicom-studies", "{uids} studies", uids=uids),
        basis="counted",
    )


def _get(target: Target, peer: DicomPeer, sample: Mapping[str, object]) -> CheckResult:
    uid = text_of(sample, "uid")
    check, statement = f"c-get {uid[:64]}", f"C-GET fetches study {uid[:64]}"
    if not _UID.fullmatch(uid):
        return undetermined(check, statement, observed=fact("study-s-uid-none", "the study's UID is none"))
    syntaxes = texts_of(sample, "syntaxes")
    words = (*peer.words, "-k", "0008,0052=STUDY", "-k", f"0020,000d={uid}", *peer.address)
    wanted, first = sample.get("instances"), ""
    # a busy server has ended a fetch that it had not begun, without an error: asked again, and told
    for _ in range(2):
        execution = target.run(("/bin/sh", "-c", _GET, "getscu", *words), timeout_seconds=peer.seconds * 6)
        trouble = trouble_of("getscu", execution)
        if trouble is not None:
            return trouble.result(check, statement)
        came = execution.stdout.decode("utf-8", "replace").strip()
        if first or execution.exit_code or came == str(wanted):
            break
        first = came
    if not isinstance(wanted, int):
        return undetermined(
            check,
            statement,
            observed=fact("images-nothing-compare-with", "{came} images, and nothing to compare with", came=came),
        )
    holds = execution.exit_code == 0 and wanted > 0 and came == str(wanted)
    observed = (
        fact("images", "{came} images", came=came) if execution.exit_code == 0 else quoted(why_it_ended(execution))
    )
    if first:
        observed = observed.then(
            fact("asked-second-time-first", ", asked a second time; the first brought {first}", first=first)
        )
    if not holds and any(syntax not in _PLAIN for syntax in syntaxes):
        observed = observed.then(
            fact(
                "getscu-takes-no-compressed", "; getscu takes no compressed images, and the server may not unpack them"
            )
        )
        return undetermined(
            check, statement, observed=observed, expected=fact("orthanc-dicom-images", "{wanted} images", wanted=wanted)
        )
    return judged(
        check,
        statement,
        holds=holds,
        observed=observed,
        expected=fact("orthanc-dicom-images", "{wanted} images", wanted=wanted),
        basis="counted",
    )
