"""Judges what a running Orthanc answered: its stored images, its studies, and what DICOMweb gives of some of them.

One part that could not be asked, or was too slow, is undetermined, and takes nothing away from the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from drp.domain.check import CheckResult
from drp.domain.phrase import fact
from drp_verifiers.clinical import whole_numbers
from drp_verifiers.inside import number_of, text_of
from drp_verifiers.statements import failed, judged, passed, undetermined

UIDS = "every study has its StudyInstanceUID"
_OK = 200


def troubles_of(data: Mapping[str, object]) -> dict[str, str]:
    """Return which parts of an answer are not there, and why."""
    found = data.get("troubles")
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


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
        "{uids} UIDs of {get} studies, {without} without",
        uids=uids,
        get=counts.get("studies", "an unknown number of"),
        without=without,
    )
    return judged(
        "study-uids", UIDS, holds=not without, observed=observed, expected=fact("none-without", "none without")
    )


def digests(data: Mapping[str, object], instances: int | None) -> CheckResult:
    """Return what Orthanc's own comparison with its digests came to."""
    check, statement = "stored-images", "every stored image has the MD5 that Orthanc noted when it received it"
    value = data.get("digests")
    found: Mapping[str, object] = value if isinstance(value, dict) else {}
    if not found:
        reason = troubles_of(data).get("digests") or fact("nobody-looked", "nobody looked")
        return undetermined(check, statement, observed=reason, basis="content")
    looked, damaged, without, slow = (number_of(found, key) for key in ("looked", "damaged", "without", "slow"))
    known = "an unknown number" if instances is None else str(instances)
    expected = fact("sound", "{known} of {known} sound", known=known)
    if damaged:
        named = _named(found)
        observed = fact(
            "damaged-or-missing",
            "{damaged} of {looked} damaged or missing: {named}",
            damaged=damaged,
            looked=looked,
            named=named,
        )
        return failed(check, statement, observed=observed, expected=expected, basis="content")
    observed = fact("orthanc-answers-sound", "{looked} of {known} sound", looked=looked - without, known=known)
    if without:
        observed = observed.then(fact("orthanc-noted-no-md5", "; Orthanc noted no MD5 of {without}", without=without))
    if slow:
        observed = observed.then(
            fact("took-longer-than-time", "; {slow} took longer than the time that was left", slow=slow)
        )
    if reason := text_of(found, "reason"):
        observed = observed.then(fact("then", "; then: {reason}", reason=reason))
    if instances is None or found.get("whole") is not True or looked < instances:
        observed = observed.then(fact("others-not-looked", ", the others were not looked at"))
    elif looked and not without:
        return passed(check, statement, observed=observed, expected=expected, basis="content")
    return undetermined(check, statement, observed=observed, expected=expected, basis="content")


def _named(found: Mapping[str, object]) -> str:
    listed = found.get("listed")
    items = [item for item in (listed if isinstance(listed, list) else [])[:5] if isinstance(item, dict)]
    return ", ".join(f"{str(item.get('instance'))[:64]} (status {str(item.get('status'))[:3]})" for item in items)


def through_web(samples: Sequence[Mapping[str, object]]) -> Iterator[CheckResult]:
    """Yield what QIDO-RS and WADO-RS gave of each sample; without any sample nothing is known."""
    if not samples:
        statement = fact("dicomweb-finds-studies-fetches", "DICOMweb finds studies and fetches their images")
        yield undetermined(
            "dicomweb", statement, observed=fact("there-no-study-try", "there was no study to try it with")
        )
    for sample in samples:
        yield _web(sample)


def _web(sample: Mapping[str, object]) -> CheckResult:
    uid = text_of(sample, "uid")[:64]
    check, statement = f"dicomweb {uid}", f"DICOMweb finds study {uid} and fetches its images"
    instances, studies, found, fetched = (sample.get(key) for key in ("instances", "studies", "qido", "wado"))
    if reason := text_of(sample, "reason"):
        late = sample.get("late") is True
        return (undetermined if late else failed)(check, statement, observed=reason)
    status = sample.get("wado_status")
    said = fact(
        "qido-status-with-wado",
        "QIDO status {get} with {found}, WADO status {status} with {fetched} images",
        get=sample.get("qido_status"),
        found=found,
        status=str(status),
        fetched=fetched,
    )
    expected = (
        fact("studies-images", "{studies} studies, {instances} images", studies=studies, instances=instances)
        if studies != 1
        else fact("1-study-images", "1 study, {instances} images", instances=instances)
    )
    whole = isinstance(instances, int) and instances > 0 and found == studies and fetched == instances
    if not whole and found == studies != 1 and status != _OK:
        said = said.then(
            fact("orthanc-fetches-no-study", "; Orthanc fetches no study by a UID that several patients share")
        )
        return undetermined(check, statement, observed=said, expected=expected)
    return judged(check, statement, holds=whole, observed=said, expected=expected, basis="counted")
