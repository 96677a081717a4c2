"""What an intruder with the backup job's keys does to a bucket: everything that is possible, and what is not is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.support.s3_server import S3Server

RUBBISH = b"pay 40 XMR\n"


@dataclass(frozen=True)
class Attack:
    """What came of it."""

    hidden: int
    """Objects that got a delete marker."""
    destroyed: int
    """Versions that are gone for good."""
    refused: int
    """Versions whose deletion was refused."""


def attack(server: S3Server, bucket: str, prefix: str = "", identity: str = "writer") -> Attack:
    """Delete every key, try to delete every version, then write over ``config``, all with the keys of ``identity``."""
    client = server.client(identity)
    listed = [
        (item["Key"], item["VersionId"])
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        for item in page.get("Versions", [])
    ]
    keys = sorted({key for key, _ in listed})
    for key in keys:
        client.delete_object(Bucket=bucket, Key=key)
    gone = sum(_destroyed(client, bucket, key, version) for key, version in listed)
    client.put_object(Bucket=bucket, Key=f"{prefix}config", Body=RUBBISH)
    return Attack(hidden=len(keys), destroyed=gone, refused=len(listed) - gone)


def _destroyed(client: Any, bucket: str, key: str, version: str) -> bool:
    try:
        client.delete_object(Bucket=bucket, Key=key, VersionId=version)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True
