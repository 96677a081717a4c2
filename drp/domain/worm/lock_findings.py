"""What an attestation has to complain about, held against what the site demands. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from drp.domain.findings.finding import Finding
from drp.domain.findings.finding_code import FindingCode
from drp.domain.findings.locks import (
    BYPASS_HELD,
    ENDS_BEFORE_DRILL,
    ENDS_EARLY,
    FACTS_NOT_SEEN,
    HIDDEN,
    LIFECYCLE_HIDES,
    LOCK_SHORTENED,
    LOCKED_GONE,
    LOCKS_UNKNOWN,
    MARKED_DELETED,
    NOT_LOCKED,
    ODD_LOCK,
    ONLY_GOVERNANCE,
    VERSIONING_OFF,
)
from drp.domain.phrase import Instant, Phrase, counted, fact, several
from drp.domain.terms import listed
from drp.domain.worm.attestation import Attestation, BucketFacts, LockDemand
from drp.domain.worm.judging import SeenObject

_NAMED = 5
_LOCKED = fact("locked", "locked")
_FIRST_VERSION = fact("first-version", "the version that was written first")


def lock_findings(
    subject: str, seen: Sequence[SeenObject], attestation: Attestation, demand: LockDemand
) -> tuple[Finding, ...]:
    """Return the findings about one repository, or one point of it, as ``subject`` names it."""
    bucket = attestation.bucket
    if attestation.unknown:
        return _unknown(subject, attestation, demand)
    return (
        *_undemanded(subject, attestation, demand),
        *_judged(subject, seen, attestation, demand),
        *_covered(subject, seen),
        *_bucket(subject, bucket),
        *_bypass(subject, attestation),
    )


def _unknown(subject: str, attestation: Attestation, demand: LockDemand) -> tuple[Finding, ...]:
    if not demand.judges:
        return ()
    return (LOCKS_UNKNOWN.finding(subject=subject, observed=attestation.unknown, expected=_LOCKED),)


def _undemanded(subject: str, attestation: Attestation, demand: LockDemand) -> tuple[Finding, ...]:
    """Return that nothing can be locked at all: then no object was asked for."""
    if attestation.bucket.object_lock is not False or not demand.judges:
        return ()
    observed = fact("bucket-without-lock", "the bucket has no object lock")
    return (NOT_LOCKED.finding(subject=subject, observed=observed, expected=_LOCKED),)


def _judged(
    subject: str, seen: Sequence[SeenObject], attestation: Attestation, demand: LockDemand
) -> Iterator[Finding]:
    """Yield what falls short of what is demanded, object by object."""
    groups: dict[FindingCode, list[SeenObject]] = {}
    for each in seen:
        code = _short(each, attestation, demand)
        if code is not None:
            groups.setdefault(code, []).append(each)
    for code in (NOT_LOCKED, ODD_LOCK, ONLY_GOVERNANCE, ENDS_EARLY, ENDS_BEFORE_DRILL):
        objects = groups.get(code)
        if objects:
            yield code.finding(subject=subject, observed=_named(objects), expected=_expected(code, objects, demand))


def _short(each: SeenObject, attestation: Attestation, demand: LockDemand) -> FindingCode | None:
    """Return in what one object falls short; None: in nothing."""
    worth, until = each.standing(attestation.at), each.until
    if each.required is not None:
        if worth in {"none", "unknown"}:
            return NOT_LOCKED if worth == "none" else ODD_LOCK
        if worth == "expired" or (worth != "legal-hold" and until is not None and until < each.required):
            return ENDS_EARLY
        if worth == "governance" and attestation.demanded != "governance":
            return ONLY_GOVERNANCE
    if demand.next_drill is None or worth not in {"governance", "compliance"} or until is None:
        return None
    return ENDS_BEFORE_DRILL if until < demand.next_drill else None


def _named(objects: Sequence[SeenObject]) -> Phrase:
    """Return how many objects, the first of them by name, and when their locks end."""
    ends = sorted(each.until for each in objects if each.until is not None)
    names = listed(sorted(each.key for each in objects)[:_NAMED], len(objects))
    if not ends:
        return counted("objects-named", "{n} object: {names}", "{n} objects: {names}", len(objects), names=names)
    return counted(
        "objects-named-until",
        "{n} object, locked until {first}: {names}",
        "{n} objects, the first locked until {first}: {names}",
        len(objects),
        names=names,
        first=Instant(ends[0]),
    )


def _expected(code: FindingCode, objects: Sequence[SeenObject], demand: LockDemand) -> Phrase:
    if code is ENDS_BEFORE_DRILL and demand.next_drill is not None:
        return fact("until-next-drill", "locked until the next drill, {at}", at=Instant(demand.next_drill))
    if code is ONLY_GOVERNANCE:
        return fact("in-compliance", "in compliance mode")
    until = max(each.required for each in objects if each.required is not None)
    return fact("locked-until", "locked until {until}", until=Instant(until))


def _covered(subject: str, seen: Sequence[SeenObject]) -> Iterator[Finding]:
    markers = [each for each in seen if each.covered == "marker"]
    if markers:
        yield MARKED_DELETED.finding(
            subject=subject, observed=_named_only(markers), expected=fact("read-by-name", "read by their names")
        )
    newer = [each for each in seen if each.covered == "version"]
    if newer:
        yield HIDDEN.finding(subject=subject, observed=_named_only(newer), expected=_FIRST_VERSION)


def _named_only(objects: Sequence[SeenObject]) -> Phrase:
    names = listed(sorted(each.key for each in objects)[:_NAMED], len(objects))
    return counted("objects-named", "{n} object: {names}", "{n} objects: {names}", len(objects), names=names)


def _bucket(subject: str, bucket: BucketFacts) -> Iterator[Finding]:
    if bucket.object_lock and bucket.versioning != "Enabled" and not _hides_versioning(bucket):
        state = fact("versioning-is", "versioning is {state}", state=bucket.versioning or fact("off", "off"))
        yield VERSIONING_OFF.finding(
            subject=subject, observed=state, expected=fact("versioning-on", "versioning is on")
        )
    if bucket.hides:
        rules = fact("rules", "rules {names}", names=several(bucket.hides))
        yield LIFECYCLE_HIDES.finding(
            subject=subject, observed=rules, expected=fact("no-such-rule", "no rule for current objects")
        )
    if bucket.not_seen:
        rights = fact("not-seen", "not seen: {what}", what=several(bucket.not_seen, "; "))
        yield FACTS_NOT_SEEN.finding(subject=subject, observed=rights, expected=fact("seen", "seen"))


def _hides_versioning(bucket: BucketFacts) -> bool:
    return any(each.code == VERSIONING_NOT_SEEN for each in bucket.not_seen)


VERSIONING_NOT_SEEN = "versioning-not-seen"
"""Code of the phrase among ``not_seen`` that says so of versioning."""


def _bypass(subject: str, attestation: Attestation) -> Iterator[Finding]:
    who = attestation.bucket.bypass
    if who and attestation.modes.get("governance"):
        observed = fact("bypass-granted", "granted to {who}", who=several(who))
        yield BYPASS_HELD.finding(subject=subject, observed=observed, expected=fact("to-nobody", "granted to nobody"))


def unseen(subject: str, why: Phrase, demand: LockDemand, *, at: datetime, mode: str) -> Attestation:
    """Return an attestation of what could not be observed at all."""
    blank = Attestation(at=at, needed=0, asked=0, unknown=why, demanded=mode)
    return replace(blank, findings=lock_findings(subject, (), blank, demand))


def shortened(subject: str, keys: Sequence[str], total: int) -> Finding:
    """Return that compliance locks are shorter than they once were."""
    return _of_memory(LOCK_SHORTENED, subject, keys, total)


def gone(subject: str, keys: Sequence[str], total: int) -> Finding:
    """Return that versions are gone whose lock has not run out."""
    return _of_memory(LOCKED_GONE, subject, keys, total)


def _of_memory(code: FindingCode, subject: str, keys: Sequence[str], total: int) -> Finding:
    names = listed(keys[:_NAMED], total)
    observed = counted("objects-named", "{n} object: {names}", "{n} objects: {names}", total, names=names)
    return code.finding(
        subject=subject, observed=observed, expected=fact("as-seen-before", "locked as they were seen before")
    )
