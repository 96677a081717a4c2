"""Judges what a running Orthanc answered: its stored images, its studies, and what DICOMweb gives of some of them.

One part that could not be asked, or was too slow, is undetermined, and takes nothing away from the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from drp.domain.check import CheckResult
from drp.domain.phrase import Phrase, counted, fact, joined, say
from drp_verifiers.clinical import whole_numbers
from drp_verifiers.failures import failure
from drp_verifiers.inside import number_of, text_of
from drp_verifiers.statements import failed, judged, passed, undetermined

UIDS = fact("every-study-has-uid", "every study has its StudyInstanceUID")
_MANY = say("an unknown number")
_OK = 200


def troubles_of(data: Mapping[str, object]) -> dict[str, Phrase]:
    """Return which parts of an answer are not there, and why."""
    found = data.get("troubles")
    return {key: failure(value) for key, value in found.items()} if isinstance(found, dict) else {}


def samples_of(data: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the studies that were looked at through other interfaces."""
    samples = data.get("samples")
    return [item for item in samples if isinstance(item, dict)] if isinstance(samples, list) else []


def study_uids(data: Mapping[str, object]) -> CheckResult:
    """Return whether a study is without what everybody else calls it by."""
    without, uids = number_of(data, "studies_without_uid"), number_of(data, "study_uids")
    counts = whole_numbers(data.get("counts"))
    if not without and not uids:
        return undetermined("study-uids", UIDS, observed=fact("no-study-listed", "no study is listed"))
    observed = fact(
        "uids-studies-without",
        "{uids} UIDs of {studies} studies, {without} without",
        uids=uids,
        studies=counts.get("studies", say("an unknown number of")),
        without=without,
    )
    return judged(
        "study-uids", UIDS, holds=not without, observed=observed, expected=fact("none-without", "none without")
    )


def digests(data: Mapping[str, object], instances: int | None) -> CheckResult:
    """Return what Orthanc's own comparison with its digests came to."""
    check = "stored-images"
    statement = fact("stored-images-have-md5", "every stored image has the MD5 that Orthanc noted when it received it")
    value = data.get("digests")
    found: Mapping[str, object] = value if isinstance(value, dict) else {}
    if not found:
        reason = troubles_of(data).get("digests", fact("nobody-looked", "nobody looked"))
        return undetermined(check, statement, observed=reason, basis="content")
    looked, damaged, without, slow = (number_of(found, key) for key in ("looked", "damaged", "without", "slow"))
    known: Phrase | int = _MANY if instances is None else instances
    expected = fact("images-sound", "{sound} of {known} sound", sound=known, known=known)
    if damaged:
        observed = fact(
            "damaged-or-missing",
            "{damaged} of {looked} damaged or missing: {named}",
            damaged=damaged,
            looked=looked,
            named=_named(found),
        )
        return failed(check, statement, observed=observed, expected=expected, basis="content")
    told = [fact("images-sound", "{sound} of {known} sound", sound=looked - without, known=known)]
    if without:
        told.append(fact("orthanc-noted-no-md5", "Orthanc noted no MD5 of {number}", number=without))
    if slow:
        told.append(fact("images-too-slow", "{number} took longer than the time that was left", number=slow))
    if found.get("reason") is not None:
        told.append(fact("then-this", "then: {reason}", reason=failure(found["reason"])))
    observed = joined(told)
    if instances is None or found.get("whole") is not True or looked < instances:
        observed = fact("others-not-looked", "{seen}, the others were not looked at", seen=observed)
    elif looked and not without:
        return passed(check, statement, observed=observed, expected=expected, basis="content")
    return undetermined(check, statement, observed=observed, expected=expected, basis="content")


def _named(found: Mapping[str, object]) -> Phrase:
    listed = found.get("listed")
    items = [item for item in (listed if isinstance(listed, list) else [])[:5] if isinstance(item, dict)]
    return joined(
        [
            say("{name} (status {status})", name=str(item.get("instance"))[:64], status=str(item.get("status"))[:3])
            for item in items
        ],
        ", ",
    )


def studies_of(number: int) -> Phrase:
    """Return so many studies."""
    return counted("studies-number", "{n} study", "{n} studies", number)


def images_of(number: int) -> Phrase:
    """Return so many images."""
    return counted("images-number", "{n} image", "{n} images", number)


def through_web(samples: Sequence[Mapping[str, object]]) -> Iterator[CheckResult]:
    """Yield what QIDO-RS and WADO-RS gave of each sample; without any sample nothing is known."""
    if not samples:
        statement = fact("dicomweb-finds-studies-fetches", "DICOMweb finds studies and fetches their images")
        yield undetermined("dicomweb", statement, observed=fact("no-study-to-try", "there was no study to try it with"))
    for sample in samples:
        yield _web(sample)


def _web(sample: Mapping[str, object]) -> CheckResult:
    uid = text_of(sample, "uid")[:64]
    check = f"dicomweb {uid}"
    statement = fact("dicomweb-finds-study", "DICOMweb finds study {uid} and fetches its images", uid=uid)
    instances, studies, found, fetched = (sample.get(key) for key in ("instances", "studies", "qido", "wado"))
    if (reason := sample.get("reason")) is not None:
        late = sample.get("late") is True
        return (undetermined if late else failed)(check, statement, observed=failure(reason))
    status = sample.get("wado_status")
    said = fact(
        "qido-and-wado",
        "QIDO status {qido} with {found}, WADO status {wado} with {fetched} images",
        qido=str(sample.get("qido_status")),
        found=found,
        wado=str(status),
        fetched=fetched,
    )
    expected = fact(
        "studies-and-images",
        "{studies}, {images}",
        studies=studies_of(studies if isinstance(studies, int) else 0),
        images=images_of(instances if isinstance(instances, int) else 0),
    )
    whole = isinstance(instances, int) and instances > 0 and found == studies and fetched == instances
    if not whole and found == studies != 1 and status != _OK:
        said = fact(
            "wado-of-a-shared-uid", "{seen}; Orthanc fetches no study by a UID that several patients share", seen=said
        )
        return undetermined(check, statement, observed=said, expected=expected)
    return judged(check, statement, holds=whole, observed=said, expected=expected, basis="counted")
