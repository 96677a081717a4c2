"""What a site holds, by name; and the answer to a name that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from pydantic import SerializeAsAny

from drp.config.build import DrillSettings
from drp.config.canaries import CanarySettings
from drp.config.problems import unknown
from drp.domain.application import Application
from drp.domain.phrase import Phrase, joined, say
from drp.domain.repository import RepositorySettings
from drp.domain.sandbox import SandboxProfile
from drp.errors import ConfigError, NotFound

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Applications, repositories, sandboxes and drills of a site."""

    applications: Mapping[str, Application]
    repositories: Mapping[str, SerializeAsAny[RepositorySettings]]
    """By name; shown with what their kinds add."""
    sandboxes: Mapping[str, SandboxProfile]
    drills: Mapping[str, DrillSettings]
    bytes_per_second: int | None = None
    """How fast all restores of a drill together may read; None: as fast as it goes."""
    canaries: Mapping[str, CanarySettings] = field(default_factory=dict)
    """By application, how its heartbeat is written on production."""
    broken: Mapping[tuple[Literal["application", "drill"], str], tuple[Phrase, ...]] = field(default_factory=dict)
    """Kind and name → what is wrong with the file that describes it, a line each: it cannot be used, the rest can."""

    def application(self, name: str) -> Application:
        """Return an application. Raises NotFound, and ConfigError where its file has problems."""
        self._must_be_sound("application", name)
        return _named("application", name, self.applications, "drp app list")

    def canary(self, name: str) -> CanarySettings:
        """Return how an application's heartbeat is written. Raises NotFound."""
        self.application(name)
        if name not in self.canaries:
            hint = say(
                "add `canary: {{kind: …}}` to the file of {name}; `drp config schema application` tells the kinds",
                name=name,
            )
            raise NotFound(say("`{name}` has no canary", name=name), hint=hint)
        return self.canaries[name]

    def repository(self, name: str) -> RepositorySettings:
        """Return a repository. Raises NotFound."""
        return _named("repository", name, self.repositories, "drp repo list")

    def sandbox(self, name: str) -> SandboxProfile:
        """Return a sandbox profile. Raises NotFound."""
        return _named("sandbox", name, self.sandboxes, "drp config show")

    def drill(self, name: str) -> DrillSettings:
        """Return a drill. Raises NotFound, and ConfigError where its file has problems."""
        self._must_be_sound("drill", name)
        return _named("drill", name, self.drills, "drp plan list")

    def _must_be_sound(self, kind: Literal["application", "drill"], name: str) -> None:
        if problems := self.broken.get((kind, name)):
            raise ConfigError(joined(problems, "\n"))


def _named(kind: str, name: str, known: Mapping[str, T], command: str) -> T:
    if name in known:
        return known[name]
    raise NotFound(
        unknown(kind, name, known),
        hint=say("list them with `{command}`", command=command),
    )
