"""Probes of buckets of a real store, with keys of its identities, straight or through something in between."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from drp.clock import SystemClock
from drp.domain.clock import Stamp
from drp.domain.repository import WaitLimits, WormSettings, WriteKeys
from drp.domain.worm.probe import Probe
from drp.repositories.restic.settings import ResticSettings
from drp.repositories.worm.probing import clients_of, probe
from tests.support.fixtures_repositories import keep_secret, resolve
from tests.support.locations import s3_location
from tests.support.s3_server import Identity, S3Server


class ShiftedClock(SystemClock):
    """This machine's clock, set wrong."""

    def __init__(self, shift: timedelta = timedelta(0)) -> None:
        super().__init__()
        self.shift = shift

    def now(self) -> Stamp:
        now = super().now()
        return Stamp(wall=now.wall + self.shift, monotonic_ns=now.monotonic_ns, boot_id=now.boot_id)


@dataclass(kw_only=True)
class Probed:
    """A bucket, and who tries what on it."""

    server: S3Server
    bucket: str
    folder: Path
    prefix: str = "site/ehr"
    endpoint: str = ""
    mode: Any = "compliance"
    scratch: str | None = None
    prober: str = "prober"
    reader: str = "ro_lock"
    clock: ShiftedClock = field(default_factory=ShiftedClock)

    def keys(self, identity: Identity, name: str) -> WriteKeys:
        return WriteKeys(
            access_key=keep_secret(self.folder, f"{name}-access", identity.access_key),
            secret_key=keep_secret(self.folder, f"{name}-secret", identity.secret_key),
            session_token=keep_secret(self.folder, f"{name}-token", identity.token) if identity.token else None,
        )

    def settings(self) -> ResticSettings:
        reader = self.keys(self.server.identities[self.reader], "reader")
        location = s3_location(
            f"s3:{self.endpoint or self.server.endpoint}/{self.bucket}/{self.prefix}",
            access_key=reader.access_key,
            secret_key=reader.secret_key,
            session_token=reader.session_token,
        )
        prober = self.keys(self.server.identities[self.prober], "prober")
        return ResticSettings(
            name="worm",
            location=location,
            password=keep_secret(self.folder, "password", "none"),
            limits=WaitLimits(connect_seconds=1, answer_seconds=2),
            worm=WormSettings(mode=self.mode, probe=prober, scratch_bucket=self.scratch),
        )

    def run(self, earlier: Probe | None = None) -> Probe:
        settings = self.settings()
        assert settings.worm.probe is not None
        clients = clients_of(settings, settings.location, settings.worm.probe, resolve, pause=lambda _: None)
        return probe(clients, settings.worm.mode, self.clock, earlier=earlier)


def shown(found: Probe) -> str:
    return "\n".join(
        f"{each.by:7} {each.attempt:26} {'bypass' if each.bypass else '':7} {each.came:11} {each.ground:7} {each.answer:40} {each.why or ''}"
        for each in found.tried
    )
