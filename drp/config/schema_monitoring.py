"""What ``inventory/monitoring.yml`` may say: who is told, who is pinged, where metrics and spans go."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from drp.config.schema import Secret, Strict
from drp.config.values import POLICY_PATTERN, Duration, Language, Name, Text
from drp.domain.phrase import say

PolicyKey = Annotated[str, Field(pattern=POLICY_PATTERN)]
_LONGEST = timedelta(minutes=5)


class TargetFile(Strict):
    """Somebody who is told."""

    url: Secret
    """Reference to an Apprise URL: it holds a token or a password."""
    language: Language | None = None
    """Language of the messages, by default the site's."""
    from_level: Literal["warning", "critical"] = "warning"
    """The least grave that is told."""
    applications: list[Name] = Field(default_factory=list)
    """Only these are told, and what concerns the whole site; empty: all."""


class NotifyFile(Strict):
    """Who is told when something is wrong, and when it is over."""

    targets: dict[Name, TargetFile] = Field(default_factory=dict)
    """Targets by name."""
    remind_every: Duration | None = None
    """What is still wrong is told again after so long; left out: it is told once."""
    deadline: Duration = timedelta(seconds=30)
    """All messages of one occasion together may take so long, then they are given up and tried again later."""

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.deadline > _LONGEST:
            raise ValueError(say("deadline must be at most 5m: nothing else happens meanwhile"))
        return self


class PingsFile(Strict):
    """Dead-man pings: a server elsewhere notices when they stay away."""

    site: Secret | None = None
    """Reference to the URL that is pinged at each tick of the scheduler."""
    policies: dict[PolicyKey, Secret] = Field(default_factory=dict)
    """Policy (`ehr/full`) → reference to the URL that is pinged when its drills begin and end."""


class MetricsFile(Strict):
    """How metrics are served beyond loopback: by TLS, and to who proves who asks."""

    certificate: Text | None = None
    """PEM file of the certificate and its chain; relative to the site directory."""
    key: Secret | None = None
    """Reference to the private key of the certificate, PEM."""
    token: Secret | None = None
    """Reference to the bearer token that a scraper shows."""
    user: Text | None = None
    """Name that a scraper shows, with `password`."""
    password: Secret | None = None
    """Reference to the password of `user`."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError(say("`certificate` and `key` belong together: give both"))
        if (self.user is None) != (self.password is None):
            raise ValueError(say("`user` and `password` belong together: give both"))
        if self.user is not None and ":" in self.user:
            raise ValueError(say("user: holds a colon, which no scraper could show"))
        return self


class TracesFile(Strict):
    """Where a span for each phase of a sealed drill goes."""

    endpoint: Secret
    """Reference to the URL of an OTLP/HTTP receiver, whole: `https://collector.example:4318/v1/traces`."""


class MonitoringFile(Strict):
    """inventory/monitoring.yml: who hears what drp finds out."""

    version: Literal[1] = 1
    """Version of this file's format."""
    notify: NotifyFile = Field(default_factory=NotifyFile)
    """Messages to people."""
    pings: PingsFile = Field(default_factory=PingsFile)
    """Dead-man pings."""
    metrics: MetricsFile = Field(default_factory=MetricsFile)
    """Metrics beyond loopback."""
    traces: TracesFile | None = None
    """Spans; left out: none are sent."""
