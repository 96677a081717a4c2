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
from drp.domain.phrase import fact, say
from drp_verifiers.clinical import counted, facts_answer, inside, judge_counts, not_restored, section, whole_numbers
from drp_verifiers.inside import ask, number_of, texts_of
from drp_verifiers.statements import failed, judged, passed, undetermined


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomOptions:
    """What may be said about a folder of DICOM files."""

    root: str
    """Folder inside the sandbox; relative to the restored tree. Files of other kinds are counted and left alone."""


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
            "every-dicom-file-below", "every DICOM file below {root} can be read to its end", root=options.root
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
                observed=fact("there-no-such-folder", "there is no such folder among what was restored"),
            )
            return
        yield _files(answer.data, statement)
        facts = section(expectation, "dicom")
        counts = whole_numbers(answer.data.get("counts"))
        counted_by = "the folder holds what it held at backup time"
        if _unseen(answer.data):
            yield undetermined("counts", counted_by, observed=_unseen(answer.data), basis="counted")
            yield undetermined(
                "studies",
                fact("every-study-has-all", "every study has all of its images"),
                observed=_unseen(answer.data),
            )
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
        kept = {"counts": counted(data), "studies": studies, "twice": number_of(data, "twice"), "rule": "exact"}
        return {"dicom": kept}


def _unseen(data: Mapping[str, object]) -> str:
    """Return what could not be looked at, empty when nothing."""
    packed, unread = number_of(data, "packed"), number_of(data, "unread")
    said = []
    if packed:
        said.append(f"{packed} files are packed with zlib, as Orthanc does: its own verifier reads them")
    if unread:
        said.append(f"{unread} files or folders may not be read by the account that looks")
    if beyond := number_of(data, "beyond"):
        said.append(f"{beyond} files go further than they are read: {'; '.join(texts_of(data, 'out_of_reach')[:3])}")
    if number_of(data, "late"):
        said.append("the time was over before every file was read")
    return "; ".join(said)


def _files(data: Mapping[str, object], statement: str) -> CheckResult:
    sound, damaged, others = number_of(data, "sound"), number_of(data, "damaged"), number_of(data, "others")
    unseen = _unseen(data)
    if not sound and not damaged and not unseen:
        return failed(
            "files",
            statement,
            observed=fact("there-none-among-files", "there is none among {others} files", others=others),
            expected=fact("dicom-dicom-files", "DICOM files"),
        )
    observed = fact(
        "whole-damaged-other-kinds",
        "{sound} whole, {damaged} damaged, {others} of other kinds",
        sound=sound,
        damaged=damaged,
        others=others,
    )
    if empty := number_of(data, "empty"):
        observed = observed.then(fact("empty", " ({empty} empty)", empty=empty))
    if damaged:
        named = "; ".join(texts_of(data, "listed")[:5])
        return failed(
            "files", statement, observed=f"{observed}: {named}", expected=fact("none-damaged", "none damaged")
        )
    if unseen:
        return undetermined(
            "files", statement, observed=f"{observed}: {unseen}", expected=fact("none-damaged", "none damaged")
        )
    return passed("files", statement, observed=observed, expected=fact("none-damaged", "none damaged"))


def _duplicates(data: Mapping[str, object], facts: Mapping[str, object]) -> CheckResult:
    statement = fact("no-more-files-hold", "no more files hold an instance that another holds than at backup time")
    twice, before = number_of(data, "twice"), facts.get("twice")
    named = ", ".join(texts_of(data, "repeated")[:5])
    observed = fact("dicom-files", "{twice} files{value}", twice=twice, value=f": {named}" if named else "")
    if not number_of(data, "sound"):
        return undetermined(
            "duplicates", statement, observed=fact("no-file-could-read", "no file could be read"), basis="counted"
        )
    if not twice:
        return passed("duplicates", statement, observed=fact("none", "none"), basis="counted")
    if not isinstance(before, int):
        said = fact(
            "manifest-keeps-no-number",
            "{observed}; the manifest keeps no number to compare with: make its facts again",
            observed=observed,
        )
        return undetermined("duplicates", statement, observed=said, basis="counted")
    expected = fact("dicom-most", "at most {before}", before=before)
    return judged("duplicates", statement, holds=twice <= before, observed=observed, expected=expected, basis="counted")


def _studies(found: Mapping[str, int], expected: Mapping[str, int]) -> CheckResult:
    check, statement = "studies", "every study has all of its images"
    if not expected:
        observed = fact(
            "studies-manifest-keeps-no",
            "{n} studies; the manifest keeps no images by study to compare with",
            n=len(found),
        )
        return undetermined(check, statement, observed=observed)
    short = [
        f"{uid[:64]} has {found.get(uid, 0)} of {number}"
        for uid, number in expected.items()
        if found.get(uid, 0) < number
    ]
    return judged(
        check,
        statement,
        holds=not short,
        observed="; ".join(short[:5]) + (f"; and {len(short) - 5} more" if len(short) > 5 else "")
        or fact("studies", "{n} studies", n=len(found)),
        expected=fact("studies", "{n} studies", n=len(expected)),
    )
