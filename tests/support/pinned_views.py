"""Restores through pinned views as the restore cell makes them: by an order, on a loopback address that was handed over."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import ClientError

from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository_port import PinnedView
from drp.domain.restore import RestoreOrder, RestoreOutcome
from drp.sandboxes.network.endpoint import relay
from drp.sandboxes.network.netns import Inside
from tests.support.fixtures_buckets import Bucket
from tests.support.fixtures_repositories import carry_out


@contextmanager
def served(order: RestoreOrder) -> Iterator[RestoreOrder]:
    """Serve an order's endpoint here instead of in a cell's network; yield it with the address that it has here."""
    assert order.endpoint is not None
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    end = relay(None, Inside(listeners=(listener,)), order)
    host = f"{order.endpoint[0]}:{order.endpoint[1]}"
    try:
        yield replace(order, argv=tuple(word.replace(host, f"127.0.0.1:{port}") for word in order.argv))
    finally:
        end()


def restored(view: PinnedView, point: RecoveryPoint, target: Path) -> tuple[RestoreOrder, RestoreOutcome]:
    """Restore a point through a view."""
    order = view.repository.restore_order(point)
    with served(order) as here:
        return order, carry_out(here, view.repository.secrets(), target)


def point_of(bucket: Bucket) -> RecoveryPoint:
    return RecoveryPoint(
        id=bucket.point,
        repository="worm",
        application="ehr",
        consistent_at=datetime(2026, 11, 21, tzinfo=UTC),
        size_bytes=None,
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def attack(bucket: Bucket) -> int:
    """Do all that the writer's key can do; return how many versions it could delete for good."""
    bucket.writer.run("forget", "--prune", "--unsafe-allow-remove-all", "--tag", "ehr", check=False)
    bucket.writer.run("forget", "--prune", bucket.point, check=False)
    server, client, deleted = bucket.server, bucket.server.client("writer"), 0
    server.hide_everything(bucket.name)
    for key, version, marker, _ in server.versions(bucket.name):
        if not marker and "/locks/" not in key:
            try:
                client.delete_object(Bucket=bucket.name, Key=key, VersionId=version)
                deleted += 1
            except ClientError:
                continue
    client.put_object(Bucket=bucket.name, Key="site/ehr/config", Body=b"rubbish" * 20)
    return deleted
