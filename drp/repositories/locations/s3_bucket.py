"""What a bucket says of itself, each fact read with its own right: what may not be read is told, never taken as no."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from drp.domain.phrase import Phrase, fact
from drp.domain.strict_json import Limits, Malformed, parse_object
from drp.domain.worm.attestation import BucketFacts
from drp.domain.worm.lock_findings import VERSIONING_NOT_SEEN
from drp.errors import RepositoryError, Unreachable
from drp.repositories.locations.s3 import S3Reader

_POLICY = Limits(size=64 << 10)
_BYPASS = "s3:bypassgovernanceretention"
_NAMED = 20


@dataclass(frozen=True, slots=True)
class _Seen:
    """One answer, or why there is none; neither: the bucket has nothing of the kind."""

    said: Mapping[str, Any] | None
    lacking: Phrase | None = None


def bucket_facts(reader: S3Reader) -> BucketFacts:
    """Return what the bucket says, in five requests. Raises ``Unreachable`` where the service does not answer."""
    lock = _asked(
        reader,
        "get_object_lock_configuration",
        fact("lock-not-seen", "object lock and default retention: s3:GetBucketObjectLockConfiguration"),
    )
    versioning = _asked(
        reader, "get_bucket_versioning", fact(VERSIONING_NOT_SEEN, "versioning: s3:GetBucketVersioning")
    )
    rules = _asked(
        reader,
        "get_bucket_lifecycle_configuration",
        fact("lifecycle-not-seen", "lifecycle rules: s3:GetLifecycleConfiguration"),
    )
    policy = _asked(reader, "get_bucket_policy", fact("policy-not-seen", "the bucket's policy: s3:GetBucketPolicy"))
    configured = _inner(lock.said, "ObjectLockConfiguration")
    default = _inner(_inner(configured, "Rule"), "DefaultRetention")
    expires, hides = _rules(rules.said, reader.location.prefix)
    not_seen = [each.lacking for each in (lock, versioning, rules, policy) if each.lacking is not None]
    bypass = _bypass(policy.said, not_seen)
    return BucketFacts(
        object_lock=None if lock.lacking is not None else configured.get("ObjectLockEnabled") == "Enabled",
        versioning=str((versioning.said or {}).get("Status") or ""),
        default_mode=str(default.get("Mode") or "").lower(),
        default_days=_days(default),
        expires=expires,
        hides=hides,
        policy_seen=None if policy.lacking is not None else policy.said is not None,
        bypass=bypass,
        not_seen=tuple(not_seen),
    )


def _asked(reader: S3Reader, operation: str, lacking: Phrase) -> _Seen:
    """Ask for one fact. A service that does not know the question leaves the fact unknown too."""
    try:
        return _Seen(reader.ask(operation))
    except Unreachable:
        raise
    except RepositoryError:  # refused, or not known to the service
        return _Seen(None, lacking)


def _inner(value: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    found = (value or {}).get(name)
    return found if isinstance(found, Mapping) else {}


def _days(default: Mapping[str, Any]) -> int | None:
    days, years = default.get("Days"), default.get("Years")
    if isinstance(days, int) and days > 0:
        return days
    return years * 365 if isinstance(years, int) and years > 0 else None


def _rules(said: Mapping[str, Any] | None, prefix: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which rules touch the repository, and which of them put markers over current objects.

    A rule for objects with certain tags is none for what backup tools write; it is told, and hides nothing.
    """
    expires, hides = [], []
    for number, rule in enumerate((said or {}).get("Rules") or ()):
        where = _inner(rule, "Filter")
        both = _inner(where, "And")
        starts = str(where.get("Prefix") or both.get("Prefix") or rule.get("Prefix") or "")
        if rule.get("Status") == "Disabled" or not _overlap(starts, f"{prefix}/" if prefix else ""):
            continue
        name = str(rule.get("ID") or f"#{number + 1}")
        expiry = _inner(rule, "Expiration")
        current = bool(expiry.get("Days") or expiry.get("Date"))
        if current or expiry.get("ExpiredObjectDeleteMarker") or rule.get("NoncurrentVersionExpiration"):
            expires.append(name)
        if current and not (where.get("Tag") or both.get("Tags")):
            hides.append(name)
    return tuple(expires[:_NAMED]), tuple(hides[:_NAMED])


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _bypass(said: Mapping[str, Any] | None, not_seen: list[Phrase]) -> tuple[str, ...]:
    """Return to whom the policy grants the right to bypass governance. What narrows a grant does not take it away."""
    if said is None:
        return ()
    try:
        statements = _listed(parse_object(str(said.get("Policy") or ""), _POLICY).get("Statement"))
    except Malformed:
        not_seen.append(fact("policy-malformed", "the bucket's policy: it is malformed"))
        return ()
    granted: set[str] = set()
    for statement in statements:
        if not isinstance(statement, Mapping) or not _about_bypass(statement):
            continue
        whom = set(_principals(statement))
        if statement.get("Effect") == "Allow":
            granted |= whom
        elif statement.get("Effect") == "Deny" and "*" in whom and "Condition" not in statement:
            return ()
    return tuple(sorted(granted)[:_NAMED])


def _about_bypass(statement: Mapping[str, Any]) -> bool:
    if "NotAction" in statement:
        return not any(_matches(each) for each in _listed(statement["NotAction"]))
    return any(_matches(each) for each in _listed(statement.get("Action")))


def _matches(pattern: object) -> bool:
    wild = re.escape(str(pattern).lower()).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wild, _BYPASS) is not None


def _principals(statement: Mapping[str, Any]) -> Iterator[str]:
    if "NotPrincipal" in statement:
        yield "*"
        return
    principal = statement.get("Principal")
    for each in principal.values() if isinstance(principal, Mapping) else (principal,):
        yield from (str(one) for one in _listed(each))


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
