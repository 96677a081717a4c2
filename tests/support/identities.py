"""Who may do what on the S3 server of the tests: users with lists of actions, and roles with IAM policies."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Keys of one user of the server."""

    name: str
    actions: tuple[str, ...]
    access_key: str = field(default_factory=lambda: "K" + secrets.token_hex(9).upper())
    secret_key: str = field(default_factory=lambda: secrets.token_hex(20))
    token: str | None = None
    """Of a session."""


def identities() -> dict[str, Identity]:
    locks = ("GetObjectRetention", "GetObjectLegalHold", "GetBucketObjectLockConfiguration")
    return {
        "admin": Identity(name="admin", actions=("Admin", "Read", "List", "Tagging", "Write")),
        "writer": Identity(name="writer", actions=("Read", "List", "Write")),
        "ro": Identity(name="ro", actions=("Read", "List")),
        "ro_lock": Identity(name="ro_lock", actions=("Read", "List", *locks)),
        "extender": Identity(name="extender", actions=("List", *locks, "PutObjectRetention")),
        "prober": Identity(name="prober", actions=("Read", "List", "Write", *locks, "PutObjectRetention")),
    }


def roles(policies: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the server reads at its start: one role a policy, which anybody may assume."""
    trust = {"Effect": "Allow", "Principal": "*", "Action": ["sts:AssumeRole"]}
    return {
        "sts": {
            "tokenDuration": "15m",
            "maxSessionLength": "12h",
            "issuer": "seaweedfs-sts",
            "signingKey": base64.b64encode(secrets.token_bytes(32)).decode(),
        },
        "policy": {"defaultEffect": "Deny", "storeType": "memory"},
        "policies": [{"name": name, "document": document} for name, document in policies.items()],
        "roles": [
            {
                "roleName": name,
                "roleArn": f"arn:aws:iam::role/{name}",
                "trustPolicy": {"Version": "2012-10-17", "Statement": [trust]},
                "attachedPolicies": [name],
            }
            for name in policies
        ],
    }


def assumed(endpoint: str, who: Identity, role: str) -> Identity:
    """Return a session of a role, a quarter of an hour long."""
    sts = boto3.client(
        "sts",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=who.access_key,
        aws_secret_access_key=who.secret_key,
        config=Config(proxies={}),
    )
    made = sts.assume_role(RoleArn=f"arn:aws:iam::role/{role}", RoleSessionName=role, DurationSeconds=900)
    given = made["Credentials"]
    return Identity(
        name=role,
        actions=(),
        access_key=given["AccessKeyId"],
        secret_key=given["SecretAccessKey"],
        token=given["SessionToken"],
    )
