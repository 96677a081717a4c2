"""What would harm a whole bucket, tried on one that the site names for it; and put back as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from drp.domain.phrase import NOTHING, Phrase, fact
from drp.domain.worm.judging_probe import Said
from drp.domain.worm.policies import PROBE_FOLDER
from drp.domain.worm.probe import Attempt, Tried
from drp.repositories.locations.s3_writer import Answer, S3Writer
from drp.repositories.worm.extending import shown
from drp.repositories.worm.sacrifice import Altar, said

_OURS = "drp-probe"
_NEVER = f"{PROBE_FOLDER}/never/"
"""A prefix that nothing has: what is said of it concerns no object."""

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a bucket: how it is read, changed for the worse as harmlessly as can be, and put back."""

    attempt: Attempt
    read: str
    field: str
    """Of what reading it answers."""
    absent: str
    """Begins the codes that say that there is none."""
    put: str
    changed: Callable[[Any], Fields]
    back: Callable[[Any], tuple[str, Fields]]
    """From what was there to the operation that puts it back."""


def tried_on_scratch(scratch: S3Writer | None, real: S3Writer, altar: Altar, forbidden: Phrase) -> Iterator[Tried]:
    """Yield what came of trying it on the scratch bucket, or why it was not tried."""
    if scratch is None:
        why = forbidden or fact("no-scratch", "the site names no bucket to try it on (`worm.scratch_bucket`)")
    else:
        why = _forbidden(scratch, real, altar)
    for setting in settings_of(real.location.bucket if scratch is None else scratch.location.bucket):
        if scratch is None or why:
            yield Tried(attempt=setting.attempt, came="not-probed", by="probe", why=why)
        else:
            yield _try(scratch, setting)


def _forbidden(scratch: S3Writer, real: S3Writer, altar: Altar) -> Phrase:
    """Return why nothing may be tried there; nothing: it is a bucket of its own, and under a lock.

    A bucket may have several names, and a service several addresses: an object that is written into the one must not
    appear in the other.
    """
    if scratch.location.bucket == real.location.bucket:
        return fact("scratch-is-it", "the scratch bucket is the repository's own")
    beside = altar.beside(scratch)
    made, mark = beside.make()
    if mark is None:
        return fact(
            "scratch-unmarked", "no locked object can be made in the scratch bucket: {answer}", answer=shown(made)
        )
    seen, found = real.versions(mark.key)
    if not seen.done:
        return fact(
            "scratch-unknown", "nobody knows whether the scratch bucket is another one: {answer}", answer=shown(seen)
        )
    if found:
        return fact("scratch-is-it", "the scratch bucket is the repository's own")
    listed, ours = beside.listed()
    if listed.done:
        beside.clean(ours, keep=frozenset({mark.version}))
    if mark.sight.unseen or mark.sight.until is None:
        return fact("scratch-unlocked", "the scratch bucket has no object lock")
    versioning = scratch.ask("get_bucket_versioning")
    if versioning.found.get("Status") != "Enabled":
        return fact("scratch-unversioned", "the scratch bucket keeps no versions: {answer}", answer=shown(versioning))
    return NOTHING


def _try(scratch: S3Writer, setting: Setting) -> Tried:
    """Change a setting, look, and put it back where that came through."""
    before = _read(scratch, setting)
    if before is None:
        return _undecided(setting, fact("setting-unseen", "the keys may not read what is set"))
    able = _same_again(scratch, setting, before)
    answer = scratch.ask(setting.put, **setting.changed(before.value))
    after = _read(scratch, setting)
    if after is None:
        return _undecided(setting, fact("setting-unseen-after", "nobody could look afterwards"), answer)
    if after != before:
        return Tried(
            attempt=setting.attempt,
            came="succeeded",
            by="probe",
            answer=answer.shown,
            why=_put_back(scratch, setting, before),
        )
    outcome: Said = said(answer)
    if outcome == "unclear":
        why = fact("probe-unclear", "the store did not look at it: {answer}", answer=shown(answer))
        return _undecided(setting, why, answer)
    if outcome == "done":
        why = fact("probe-ignored", "the store said that it did it, and did not")
        return Tried(attempt=setting.attempt, came="ignored", by="probe", answer=answer.shown, why=why)
    if able is False:
        why = fact("setting-no-right", "these keys may not set it at all, which shows nothing of the lock")
        return Tried(
            attempt=setting.attempt, came="undecided", by="probe", answer=answer.shown, why=why, ground="rights"
        )
    ground: Any = "lock" if able else "rights" if answer.code == "AccessDenied" else ""
    return Tried(attempt=setting.attempt, came="refused", by="probe", answer=answer.shown, ground=ground)


@dataclass(frozen=True, slots=True)
class _Found:
    value: Any
    """None: nothing is set."""


def _read(scratch: S3Writer, setting: Setting) -> _Found | None:
    answer = scratch.ask(setting.read)
    if answer.done:
        return _Found(answer.found.get(setting.field))
    return _Found(None) if answer.code.startswith(setting.absent) else None


def _same_again(scratch: S3Writer, setting: Setting, before: _Found) -> bool | None:
    """Return whether the keys may set what is set already, of what the lock itself refuses; None of all else."""
    if setting.attempt != "suspend-versioning":
        return None
    operation, fields = setting.back(before.value)
    return scratch.ask(operation, **fields).done


def _put_back(scratch: S3Writer, setting: Setting, before: _Found) -> Phrase:
    operation, fields = setting.back(before.value)
    scratch.ask(operation, **fields)
    if _read(scratch, setting) == before:
        return fact("setting-put-back", "it was changed, and put back as it was")
    return fact("setting-kept", "it was changed, and could not be put back: do it by hand")


def _undecided(setting: Setting, why: Phrase, answer: Answer | None = None) -> Tried:
    told = answer.shown if answer is not None else ""
    return Tried(attempt=setting.attempt, came="undecided", by="probe", answer=told, why=why)


def _lock(configuration: Any) -> tuple[str, Fields]:
    return "put_object_lock_configuration", {
        "ObjectLockConfiguration": configuration or {"ObjectLockEnabled": "Enabled"}
    }


def _lesser(configuration: Any) -> Fields:
    """Return another default retention than there is, and the least one."""
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    now = (configuration or {}).get("Rule")
    return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", **({} if now == rule else {"Rule": rule})}}


def _with_rule(rules: Any) -> Fields:
    """Return the rules with one more, which is switched off and concerns nothing."""
    more = {"ID": _OURS, "Filter": {"Prefix": _NEVER}, "Status": "Disabled", "Expiration": {"Days": 3650}}
    return {"LifecycleConfiguration": {"Rules": [*(each for each in rules or [] if each.get("ID") != _OURS), more]}}


def _rules_back(rules: Any) -> tuple[str, Fields]:
    if not rules:
        return "delete_bucket_lifecycle", {}
    return "put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": rules}}


def _denying(bucket: str) -> Callable[[Any], Fields]:
    """Return a policy that forbids what concerns nothing; for a moment it stands in place of one that is there."""
    statement = {
        "Sid": "DrpProbe",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObjectVersion",
        "Resource": f"arn:aws:s3:::{bucket}/{_NEVER}*",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return lambda _: {"Policy": text}


def _policy_back(policy: Any) -> tuple[str, Fields]:
    return ("put_bucket_policy", {"Policy": policy}) if policy else ("delete_bucket_policy", {})


def settings_of(bucket: str) -> tuple[Setting, ...]:
    """Return all settings of a bucket that are tried."""
    return (
        Setting(
            attempt="suspend-versioning",
            read="get_bucket_versioning",
            field="Status",
            absent="?",
            put="put_bucket_versioning",
            changed=lambda _: {"VersioningConfiguration": {"Status": "Suspended"}},
            back=lambda status: ("put_bucket_versioning", {"VersioningConfiguration": {"Status": status}}),
        ),
        Setting(
            attempt="change-default-retention",
            read="get_object_lock_configuration",
            field="ObjectLockConfiguration",
            absent="ObjectLockConfigurationNotFound",
            put="put_object_lock_configuration",
            changed=_lesser,
            back=_lock,
        ),
        Setting(
            attempt="remove-lock-configuration",
            read="get_object_lock_configuration",
            field="ObjectLockConfiguration",
            absent="ObjectLockConfigurationNotFound",
            put="put_object_lock_configuration",
            changed=lambda _: {"ObjectLockConfiguration": {}},
            back=_lock,
        ),
        Setting(
            attempt="add-lifecycle",
            read="get_bucket_lifecycle_configuration",
            field="Rules",
            absent="NoSuchLifecycleConfiguration",
            put="put_bucket_lifecycle_configuration",
            changed=_with_rule,
            back=_rules_back,
        ),
        Setting(
            attempt="change-policy",
            read="get_bucket_policy",
            field="Policy",
            absent="NoSuchBucketPolicy",
            put="put_bucket_policy",
            changed=_denying(bucket),
            back=_policy_back,
        ),
    )
