"""Tries a PACS as modalities and workstations use it: C-ECHO, C-FIND and C-GET by dcmtk inside the sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from drp.domain.check import CheckResult, Target
from drp.domain.phrase import Phrase, fact, quoted
from drp_verifiers.clinical import trouble_of
from drp_verifiers.inside import text_of, texts_of
from drp_verifiers.orthanc_answers import images_of, studies_of
from drp_verifiers.statements import judged, seen_outside, undetermined, why_it_ended

_UID = re.compile(r"[0-9.]{1,64}")
_FOUND = re.compile(rb"\(0020,000d\) UI \[([0-9.]{1,64})")
_GET = 'd=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT && getscu -S -od "$d" "$@" && ls "$d" | wc -l'
"""Fetches into a folder that is removed at once, and prints how many files came."""
_DIGITS = 16
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
        "dicom-server-answers-echo",
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
    observed = fact("answered", "answered") if echoed else quoted(why_it_ended(execution))
    yield seen_outside(judged("c-echo", statement, holds=echoed, observed=observed))
    if not echoed:
        return
    yield _find(target, peer, uids)
    if not samples:
        yield undetermined(
            "c-get",
            fact("c-get-fetches-studies", "C-GET fetches studies"),
            observed=fact("no-study-to-try", "there was no study to try it with"),
        )
    for sample in samples:
        yield _get(target, peer, sample)


def _find(target: Target, peer: DicomPeer, uids: int | None) -> CheckResult:
    keys = ("-k", "0008,0052=STUDY", "-k", "0020,000d")
    execution = target.run(("findscu", "-v", "-S", *peer.words, *keys, *peer.address), timeout_seconds=peer.seconds * 6)
    statement = fact("c-find-lists-every-study", "C-FIND lists every study that the PACS counts")
    trouble = trouble_of("findscu", execution)
    if trouble is not None:
        return trouble.result("c-find", statement)
    listed = set(_FOUND.findall(execution.stdout + execution.stderr))
    if not uids:
        return undetermined(
            "c-find",
            statement,
            observed=fact(
                "found-and-none-listed", "{studies}, the PACS itself listed none", studies=studies_of(len(listed))
            ),
        )
    return judged(
        "c-find",
        statement,
        holds=execution.exit_code == 0 and len(listed) == uids,
        observed=studies_of(len(listed)),
        expected=studies_of(uids),
        basis="counted",
    )


def _get(target: Target, peer: DicomPeer, sample: Mapping[str, object]) -> CheckResult:
    uid = text_of(sample, "uid")
    check = f"c-get {uid[:64]}"
    statement = fact("c-get-fetches-study", "C-GET fetches study {uid}", uid=uid[:64])
    if not _UID.fullmatch(uid):
        return undetermined(check, statement, observed=fact("study-uid-is-none", "the study's UID is none"))
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
        nothing = fact("images-nothing-to-compare", "{number} images, and nothing to compare with", number=came)
        return undetermined(check, statement, observed=nothing)
    holds = execution.exit_code == 0 and wanted > 0 and came == str(wanted)
    observed = _images(came) if execution.exit_code == 0 else quoted(why_it_ended(execution))
    if first:
        observed = fact(
            "asked-a-second-time", "{seen}, asked a second time; the first brought {first}", seen=observed, first=first
        )
    if not holds and any(syntax not in _PLAIN for syntax in syntaxes):
        observed = fact(
            "getscu-no-compressed",
            "{seen}; getscu takes no compressed images, and the server may not unpack them",
            seen=observed,
        )
        return undetermined(check, statement, observed=observed, expected=_images(wanted))
    return judged(check, statement, holds=holds, observed=observed, expected=_images(wanted), basis="counted")


def _images(number: int | str) -> Phrase:
    """Return so many images; what a client printed in place of a number is quoted."""
    text = str(number)
    if text.isascii() and text.isdecimal() and len(text) < _DIGITS:
        return images_of(int(text))
    return fact("images-no-number", "{number} images", number=text[:40])
