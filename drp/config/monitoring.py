"""Who is told what a site finds out: the values behind ``inventory/monitoring.yml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from drp.domain.alerts import Gravity
from drp.domain.restore import SecretReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Somebody who is told."""

    name: str
    url: SecretReference
    """Of an Apprise URL."""
    language: str
    from_level: Gravity = "warning"
    applications: tuple[str, ...] = ()
    """Empty: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsAccess:
    """How metrics may be served beyond loopback."""

    certificate: Path | None = None
    key: SecretReference | None = None
    token: SecretReference | None = None
    user: str = ""
    password: SecretReference | None = None

    @property
    def leaves_loopback(self) -> bool:
        """Return whether both are there: TLS, and something that a scraper has to know."""
        return self.certificate is not None and (self.token is not None or self.password is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """Everybody who hears of the site; nobody, where there is no such file."""

    targets: Mapping[str, Target] = field(default_factory=dict)
    remind_every: timedelta | None = None
    deadline: timedelta = timedelta(seconds=30)
    ping: SecretReference | None = None
    """Of the URL that is pinged at each tick."""
    policy_pings: Mapping[str, SecretReference] = field(default_factory=dict)
    """Key of a policy → reference of the URL that is pinged for its drills."""
    metrics: MetricsAccess = field(default_factory=MetricsAccess)
    traces: SecretReference | None = None
    """Of the URL of an OTLP/HTTP receiver."""
