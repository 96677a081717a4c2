"""What a bucket says of itself: rights that lack, rules that expire, policies that let governance be bypassed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from drp.errors import AccessDenied, RepositoryError, Unreachable
from drp.repositories.locations.s3_bucket import bucket_facts


class Reader:
    """Answers as an S3Reader does, from a table."""

    def __init__(self, prefix: str = "", **answers: Mapping[str, Any] | Exception | None) -> None:
        self.location = SimpleNamespace(prefix=prefix)
        self._answers = answers

    def ask(self, operation: str) -> Mapping[str, Any] | None:
        answer = self._answers.get(operation)
        if isinstance(answer, Exception):
            raise answer
        return answer


def facts(prefix: str = "", **answers: Any) -> Any:
    reader: Any = Reader(prefix, **answers)
    return bucket_facts(reader)


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"get_bucket_policy": {"Policy": json.dumps({"Statement": list(statements)})}}


def allow(principal: Any, action: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*", **more}


def test_a_bucket_without_anything_says_no() -> None:
    seen = facts(get_bucket_versioning={})
    assert (seen.object_lock, seen.versioning, seen.policy_seen, seen.not_seen) == (False, "", False, ())


@pytest.mark.parametrize("error", [AccessDenied("403"), RepositoryError("501")])
def test_what_may_not_be_asked_is_unknown_and_named(error: Exception) -> None:
    operations = (
        "get_object_lock_configuration",
        "get_bucket_versioning",
        "get_bucket_lifecycle_configuration",
        "get_bucket_policy",
    )
    seen = facts(**dict.fromkeys(operations, error))
    assert (seen.object_lock, seen.policy_seen) == (None, None)
    assert [each.rpartition("s3:")[2] for each in seen.not_seen] == [
        "GetBucketObjectLockConfiguration",
        "GetBucketVersioning",
        "GetLifecycleConfiguration",
        "GetBucketPolicy",
    ]


def test_silence_is_no_fact() -> None:
    with pytest.raises(Unreachable):
        facts(get_bucket_policy=Unreachable("503"))


@pytest.mark.parametrize(
    ("days", "expected"), [({"Days": 30}, 30), ({"Years": 2}, 730), ({}, None), ({"Days": -1}, None)]
)
def test_default_retention(days: Mapping[str, int], expected: int | None) -> None:
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", **days}}
    seen = facts(
        get_object_lock_configuration={"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": rule}}
    )
    assert (seen.object_lock, seen.default_mode, seen.default_days) == (True, "compliance", expected)


@pytest.mark.parametrize(
    ("rule", "expires", "hides"),
    [
        ({"Expiration": {"Days": 1}}, True, True),
        ({"Expiration": {"Date": "2027-01-01"}, "Filter": {"Prefix": "site/ehr/data"}}, True, True),
        ({"Expiration": {"Days": 1}, "Filter": {"Prefix": "site/"}}, True, True),
        ({"Expiration": {"Days": 1}, "Prefix": "site/lis"}, False, False),
        ({"Expiration": {"Days": 1}, "Status": "Disabled"}, False, False),
        ({"Expiration": {"ExpiredObjectDeleteMarker": True}}, True, False),
        ({"NoncurrentVersionExpiration": {"NoncurrentDays": 90}}, True, False),
        ({"Expiration": {"Days": 1}, "Filter": {"Tag": {"Key": "temporary", "Value": "1"}}}, True, False),
        ({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}, False, False),
    ],
)
def test_lifecycle_rules(rule: Mapping[str, Any], expires: bool, hides: bool) -> None:
    seen = facts("site/ehr", get_bucket_lifecycle_configuration={"Rules": [{"Status": "Enabled", "ID": "r", **rule}]})
    assert (bool(seen.expires), bool(seen.hides)) == (expires, hides)


@pytest.mark.parametrize(
    ("statements", "who"),
    [
        ((allow("*", "s3:*"),), ("*",)),
        (
            (allow({"AWS": ["arn:aws:iam::1:user/b", "arn:aws:iam::1:user/a"]}, ["s3:GetObject", "s3:bypass*"]),),
            ("arn:aws:iam::1:user/a", "arn:aws:iam::1:user/b"),
        ),
        ((allow("*", "s3:GetObject"),), ()),
        ((allow("*", "*", Condition={"IpAddress": {}}),), ("*",)),
        ((allow("*", "s3:*"), {"Effect": "Deny", "Principal": "*", "Action": "s3:BypassGovernanceRetention"}), ()),
        (
            (
                allow("*", "s3:*"),
                {"Effect": "Deny", "Principal": {"AWS": "x"}, "Action": "s3:BypassGovernanceRetention"},
            ),
            ("*",),
        ),
        (({"Effect": "Allow", "Principal": {"AWS": "x"}, "NotAction": "s3:Put*"},), ("x",)),
        (({"Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "Action": "s3:*"},), ("*",)),
        (("no statement", allow(None, "s3:*")), ()),
    ],
)
def test_who_may_bypass_governance(statements: tuple[Any, ...], who: tuple[str, ...]) -> None:
    assert facts(**policy(*statements)).bypass == who


def test_a_policy_that_is_malformed_is_not_seen() -> None:
    seen = facts(get_bucket_policy={"Policy": "{"})
    assert seen.bypass == ()
    assert [each.code for each in seen.not_seen] == ["policy-malformed"]
