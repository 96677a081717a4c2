"""The ``dicom`` verifier: files of an image archive can be read to their end, and each study has its images.

For archives of any maker: it needs the files alone. It does not see a flipped bit inside of pixels; where the archive
keeps digests, as Orthanc does, its own verifier compares them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.judged import Part
from drp.domain.phrase import Phrase, Size, counted, fact, joined, say, several
from drp_verifiers.amounts import listed, size_in_bytes
from drp_verifiers.clinical import counted as counts_of
from drp_verifiers.clinical import facts_answer, inside, judge_counts, not_restored, section, whole_numbers
from drp_verifiers.failures import failure
from drp_verifiers.inside import ask, number_of, texts_of
from drp_verifiers.orthanc_answers import studies_of
from drp_verifiers.statements import failed, judged, passed, undetermined


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomOptions:
    """What may be said about a folder of DICOM files."""

    root: str
    """Folder inside the sandbox; relative to the restored tree. Files of other kinds are counted and left alone."""


_STUDIES = fact("every-study-has-all", "every study has all of its images")
_NAMED = 5
_SHARE = 0.8
"""Of the time limit: what could be read until then is told, instead of nothing at all."""


class DicomVerifier:
    """Parses files in a cell, before anything restored has run: a crafted file may crash its reader."""

    name: ClassVar[str] = "dicom"
    Options: ClassVar[type] = DicomOptions
    parts: ClassVar[tuple[Part, ...]] = (
        Part(
            name=say("images and other objects"),
            judged="counted",
            words=fact("counts-each-read-end", "`counts`; each read to its end: `files`"),
        ),
        Part(
            name=say("images of each study"),
            judged="counted",
            words=fact("studies-none-twice-duplicates", "`studies`; none twice: `duplicates`"),
        ),
        Part(
            name=say("pixels and other values"),
            judged="not judged",
            words=fact("lengths-alone-looked-digests", "lengths alone are looked at; digests are needed"),
        ),
        Part(
            name=say("files of other kinds"),
            judged="not judged",
            words=fact("counted-files-verifier-files", "counted in `files`; the verifier `files` looks"),
        ),
    )

    def read(self, target: Target, options: object, expectation: Expectation) -> Iterator[CheckResult]:
        """Yield whether every file is whole, the counts, and the studies that lack images."""
        assert isinstance(options, DicomOptions)
        statement = fact(
            "every-dicom-file-read", "every DICOM file below {root} can be read to its end", root=options.root
        )
        if (elsewhere := not_restored("files", statement, options.root, expectation)) is not None:
            yield elsewhere
            return
        request = {"root": inside(options.root, expectation), "seconds": expectation.timeout_seconds * _SHARE}
        request["within"] = expectation.restored_root
        answer = ask(target, "dicom_files", request, timeout_seconds=expectation.timeout_seconds)
        if answer.trouble is not None:
            yield answer.trouble.result("files", statement)
            return
        if answer.data.get("exists") is not True:
            yield failed(
                "files",
                statement,
                observed=fact("no-such-folder-restored", "there is no such folder among what was restored"),
            )
            return
        yield _files(answer.data, statement)
        facts = section(expectation, "dicom")
        counts = whole_numbers(answer.data.get("counts"))
        counted_by = fact("folder-holds-as-before", "the folder holds what it held at backup time")
        if unseen := _unseen(answer.data):
            yield undetermined("counts", counted_by, observed=unseen, basis="counted")
            yield undetermined("studies", _STUDIES, observed=unseen)
            return
        yield replace(judge_counts("counts", counted_by, counts, facts), basis="counted")
        yield _duplicates(answer.data, facts)
        yield _studies(whole_numbers(answer.data.get("studies")), whole_numbers(facts.get("studies")))

    def facts(self, target: Target, options: object, expectation: Expectation) -> dict[str, object]:
        """Return what a folder holds, for the manifest. Raises ValueError when it cannot be read."""
        assert isinstance(options, DicomOptions)
        data = facts_answer(target, "dicom_files", {"root": inside(options.root, expectation)}, expectation)
        if reason := _unseen(data):
            raise ValueError(reason)
        studies = whole_numbers(data.get("studies"))
        kept = {"counts": counts_of(data), "studies": studies, "twice": number_of(data, "twice"), "rule": "exact"}
        return {"dicom": kept}


def _unseen(data: Mapping[str, object]) -> Phrase:
    """Return what could not be looked at, nothing for nothing."""
    told = []
    if packed := number_of(data, "packed"):
        told.append(
            counted(
                "files-packed",
                "{n} file is packed with zlib, as Orthanc does: its own verifier reads it",
                "{n} files are packed with zlib, as Orthanc does: its own verifier reads them",
                packed,
            )
        )
    if unread := number_of(data, "unread"):
        told.append(
            counted(
                "files-not-for-the-reader",
                "{n} file or folder may not be read by the account that looks",
                "{n} files or folders may not be read by the account that looks",
                unread,
            )
        )
    if beyond := number_of(data, "beyond"):
        told.append(
            counted(
                "files-go-further",
                "{n} file goes further than it is read: {named}",
                "{n} files go further than they are read: {named}",
                beyond,
                named=_named(data, "out_of_reach"),
            )
        )
    if number_of(data, "late"):
        told.append(fact("time-over-before-files", "the time was over before every file was read"))
    return joined(told)


def _named(data: Mapping[str, object], key: str) -> Phrase:
    """Return the first files of a kind, each with what is the matter with it."""
    value = data.get(key)
    told = []
    for each in value[:_NAMED] if isinstance(value, list) else ():
        match each:
            case [str(name), list(why)]:
                told.append(say("{file} {why}", file=name, why=_of_a_file(why)))
    return joined(told)


def _of_a_file(told: list[object]) -> Phrase:
    """Return what is the matter with a file, which stands before it."""
    match told:
        case ["frames-none"]:
            return say("has a number of frames that is none")
        case ["names-no", str(what)]:
            return say("names no {what}", what=_IDENTIFIERS.get(what, what[:40]))
        case ["pixels-short", int(found), int(wanted)]:
            return say(
                "has {found} of pixels, {wanted} are needed", found=size_in_bytes(found), wanted=size_in_bytes(wanted)
            )
        case ["no-pixels"]:
            return say("has no pixels in its pixel data")
        case ["deflated-breaks-off"]:
            return say("deflated data breaks off")
        case ["inflates-beyond", int(limit)]:
            return say("inflates to more than {limit}", limit=Size(limit))
        case ["ends-early", int(left)]:
            return say("ends {left} too early", left=size_in_bytes(left))
        case ["no-representation", int(at)]:
            return say("no value representation at byte {at}", at=at)
        case ["nested", int(depth)]:
            return say("is nested more than {depth} deep", depth=depth)
        case ["no-item", int(at)]:
            return say("no item at byte {at}", at=at)
        case ["no-syntax"]:
            return say("names no transfer syntax")
        case _:
            return failure(told)


_IDENTIFIERS = {"instance": say("instance"), "study": say("study"), "series": say("series of one study")}


def _files(data: Mapping[str, object], statement: Phrase) -> CheckResult:
    sound, damaged, others = number_of(data, "sound"), number_of(data, "damaged"), number_of(data, "others")
    unseen = _unseen(data)
    if not sound and not damaged and not unseen:
        observed = fact("none-among-files", "there is none among {number} files", number=others)
        return failed("files", statement, observed=observed, expected=fact("dicom-files", "DICOM files"))
    observed = fact(
        "files-whole-damaged-others",
        "{whole} whole, {damaged} damaged, {others} of other kinds",
        whole=sound,
        damaged=damaged,
        others=others,
    )
    if empty := number_of(data, "empty"):
        observed = fact("files-and-empty", "{seen} ({empty} empty)", seen=observed, empty=empty)
    expected = fact("none-damaged", "none damaged")
    if damaged:
        observed = fact("files-named", "{seen}: {named}", seen=observed, named=_named(data, "listed"))
        return failed("files", statement, observed=observed, expected=expected)
    if unseen:
        observed = fact("files-unseen", "{seen}: {why}", seen=observed, why=unseen)
        return undetermined("files", statement, observed=observed, expected=expected)
    return passed("files", statement, observed=observed, expected=expected)


def _duplicates(data: Mapping[str, object], facts: Mapping[str, object]) -> CheckResult:
    statement = fact("no-more-files-hold", "no more files hold an instance that another holds than at backup time")
    twice, before = number_of(data, "twice"), facts.get("twice")
    if not number_of(data, "sound"):
        observed = fact("no-file-could-read", "no file could be read")
        return undetermined("duplicates", statement, observed=observed, basis="counted")
    if not twice:
        return passed("duplicates", statement, observed=fact("none-of-them", "none"), basis="counted")
    observed = counted("files-number", "{n} file", "{n} files", twice)
    if named := texts_of(data, "repeated")[:_NAMED]:
        observed = fact("files-named", "{seen}: {named}", seen=observed, named=several(named))
    if not isinstance(before, int):
        observed = fact(
            "manifest-keeps-no-number",
            "{seen}; the manifest keeps no number to compare with: make its facts again",
            seen=observed,
        )
        return undetermined("duplicates", statement, observed=observed, basis="counted")
    expected = fact("at-most-number", "at most {number}", number=before)
    return judged("duplicates", statement, holds=twice <= before, observed=observed, expected=expected, basis="counted")


def _studies(found: Mapping[str, int], expected: Mapping[str, int]) -> CheckResult:
    if not expected:
        observed = fact(
            "studies-no-images-kept",
            "{studies}; the manifest keeps no images by study to compare with",
            studies=studies_of(len(found)),
        )
        return undetermined("studies", _STUDIES, observed=observed)
    short = [
        fact("study-has-of", "{study} has {found} of {had}", study=uid[:64], found=found.get(uid, 0), had=number)
        for uid, number in expected.items()
        if found.get(uid, 0) < number
    ]
    return judged(
        "studies",
        _STUDIES,
        holds=not short,
        observed=listed(short, named=_NAMED) or studies_of(len(found)),
        expected=studies_of(len(expected)),
    )
