"""The least rights for each purpose on a bucket, as IAM policies (version 2012-10-17) to paste. Pure.

Actions and condition keys are those of the Service Authorization Reference for Amazon S3; a service that knows fewer
refuses what it does not know, so that nothing is granted unseen. What a policy allows is bounded by the repository's
prefix; what it denies holds for the whole bucket, whatever else is granted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Purpose = Literal["reader", "backup", "scrubber", "probe", "extend"]
PURPOSES: tuple[Purpose, ...] = ("reader", "backup", "scrubber", "probe", "extend")
Document = dict[str, Any]

PROBE_FOLDER = "drp-probe"
"""Below it, in the repository's prefix, is all that the probe makes, and nothing else."""
_VERSION = "2012-10-17"
_LOOKING = (
    "s3:GetBucketLocation",
    "s3:GetBucketVersioning",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetBucketPolicy",
)
"""What the bucket says of itself, each question a right of its own."""
_WRITING_BUCKETS = (
    "s3:PutBucketVersioning",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:DeleteBucket",
)
_UNDOING = ("s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutObjectLegalHold")
"""What ends a lock, or a version."""
_WRITING = ("s3:PutObject", "s3:DeleteObject", "s3:PutObjectRetention")


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What the policies are about."""

    bucket: str
    prefix: str = ""
    mode: Literal["compliance", "governance"] = "compliance"
    scratch_bucket: str | None = None
    removes_locks_below: str = ""
    """The backup tool removes its own lock files below that folder; empty: it removes nothing."""

    def objects(self, folder: str = "", bucket: str = "") -> str:
        """Return the resource of all objects below a folder of the repository."""
        below = "/".join(part for part in (bucket or self.bucket, self.prefix, folder, "*") if part)
        return f"arn:aws:s3:::{below}"

    def listing(self, sid: str, actions: Sequence[str], folder: str = "", bucket: str = "") -> Document:
        """Return the statement that allows to list objects below a folder of the repository, and no others."""
        place = "/".join(part for part in (self.prefix, folder) if part)
        statement = _allow(sid, actions, _bucket(bucket or self.bucket))
        if place:
            statement["Condition"] = {"StringLike": {"s3:prefix": [place, f"{place}/*"]}}
        return statement


def policy(purpose: Purpose, what: Granted) -> Document:
    """Return the policy for whoever has this purpose."""
    return {"Version": _VERSION, "Statement": _MAKERS[purpose](what)}


def _reader(what: Granted) -> list[Document]:
    reading = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention", "s3:GetObjectLegalHold")
    return [
        what.listing("List", ("s3:ListBucket", "s3:ListBucketVersions")),
        _allow("AskTheBucket", _LOOKING, _bucket(what.bucket)),
        _allow("Read", reading, what.objects()),
        *_nothing_written(what),
    ]


def _scrubber(what: Granted) -> list[Document]:
    return [
        what.listing("List", ("s3:ListBucket", "s3:ListBucketVersions")),
        _allow("AskTheBucket", ("s3:GetBucketLocation",), _bucket(what.bucket)),
        _allow("Read", ("s3:GetObject", "s3:GetObjectVersion"), what.objects()),
        *_nothing_written(what),
    ]


def _backup(what: Granted) -> list[Document]:
    """Return what a job needs that adds: it may hide nothing but its own lock files, and remove no version at all."""
    uploading = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
    own_locks = (
        [_allow("RemoveOwnLocks", ("s3:DeleteObject",), what.objects(what.removes_locks_below))]
        if what.removes_locks_below
        else []
    )
    return [
        what.listing("List", ("s3:ListBucket",)),
        _allow("AskTheBucket", ("s3:GetBucketLocation", "s3:ListBucketMultipartUploads"), _bucket(what.bucket)),
        _allow("Add", uploading, what.objects()),
        *own_locks,
        _deny("NeverUndo", (*_UNDOING, "s3:PutObjectRetention"), _all_objects(what.bucket)),
        _deny("NeverTheBucket", _WRITING_BUCKETS, _bucket(what.bucket)),
    ]


def _probe(what: Granted) -> list[Document]:
    """Return what makes refusals mean something: all rights on the probe's own objects, so that only the lock is left.

    In governance mode the right to bypass would undo the lock by design, so it is denied there.
    """
    own = (
        *("s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention", "s3:PutObjectRetention"),
        *("s3:DeleteObject", "s3:DeleteObjectVersion"),
        *(("s3:BypassGovernanceRetention",) if what.mode == "compliance" else ()),
    )
    asked = ("s3:GetBucketObjectLockConfiguration",)
    statements = [
        what.listing("ListOwn", ("s3:ListBucketVersions",), PROBE_FOLDER),
        _allow("AskTheBucket", asked, _bucket(what.bucket)),
        _allow("TryOnOwnObjects", own, what.objects(PROBE_FOLDER)),
        _deny("NeverTheBucket", _WRITING_BUCKETS, _bucket(what.bucket)),
    ]
    if what.mode == "governance":
        statements.append(_deny("NeverBypass", ("s3:BypassGovernanceRetention",), _all_objects(what.bucket)))
    if what.scratch_bucket is not None:
        scratch = what.scratch_bucket
        statements += [
            what.listing("ListScratch", ("s3:ListBucketVersions",), PROBE_FOLDER, scratch),
            _allow("TryOnScratch", (*_LOOKING, "s3:PutBucketVersioning"), _bucket(scratch)),
            _allow("MarkScratch", own, what.objects(PROBE_FOLDER, scratch)),
        ]
    return statements


def _extend(what: Granted) -> list[Document]:
    """Return what lengthens retention: a store refuses to shorten it to whoever may not bypass governance."""
    return [
        _allow("Extend", ("s3:GetObjectRetention", "s3:PutObjectRetention"), what.objects()),
        _deny("NeverUndo", (*_UNDOING, "s3:PutObject", "s3:DeleteObject"), _all_objects(what.bucket)),
        _deny("NeverTheBucket", _WRITING_BUCKETS, _bucket(what.bucket)),
    ]


_MAKERS = {"reader": _reader, "backup": _backup, "scrubber": _scrubber, "probe": _probe, "extend": _extend}


def _nothing_written(what: Granted) -> list[Document]:
    return [
        _deny("NeverWrite", (*_WRITING, *_UNDOING), _all_objects(what.bucket)),
        _deny("NeverTheBucket", _WRITING_BUCKETS, _bucket(what.bucket)),
    ]


def _allow(sid: str, actions: Sequence[str], resource: str) -> Document:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": [resource]}


def _deny(sid: str, actions: Sequence[str], resource: str) -> Document:
    return {"Sid": sid, "Effect": "Deny", "Action": list(actions), "Resource": [resource]}


def _bucket(name: str) -> str:
    return f"arn:aws:s3:::{name}"


def _all_objects(name: str) -> str:
    return f"arn:aws:s3:::{name}/*"
