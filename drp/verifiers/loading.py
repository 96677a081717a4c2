"""Finds verifiers among the installed distributions and loads those that a plan names, and no others."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from drp.domain.check_runner import Verifier
from drp.domain.phrase import say
from drp.errors import PluginError
from drp.offers import Offer
from drp.registry import Registry
from drp.trust import Trust, require

VERIFIERS: Registry[type[Verifier]] = Registry("drp.verifiers", say("verifier"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the evidence keeps of a verifier: which code judged."""

    name: str
    distribution: str
    version: str
    source: str
    """``module:class`` of its entry point."""
    digest: str = ""
    """SHA-256 over the names and contents of all Python files of its top-level package; empty until described."""

    @property
    def shown(self) -> str:
        """Return distribution, version and digest in one line."""
        digest = f" sha256:{self.digest}" if self.digest else ""
        return f"{self.distribution} {self.version}{digest}"


def available() -> tuple[Description, ...]:
    """Return every installed verifier by name, without importing any."""
    return tuple(_described(entry) for entry in VERIFIERS.entries())


def load(names: Iterable[str]) -> dict[str, Verifier]:
    """Import the named verifiers. Raises PluginError naming distribution and version, also when two claim a name.

    Untrusted: others can change its code.
    """
    return {name: _load(VERIFIERS.entry(name)) for name in sorted(set(names))}


def describe(name: str) -> Description:
    """Return what the evidence keeps of a verifier, the digest of its code included. Raises PluginError."""
    entry = VERIFIERS.entry(name)
    return dataclasses.replace(_described(entry), digest=_package_digest(entry.module.partition(".")[0]))


@cache
def package_of(name: str) -> tuple[Path, ...]:
    """Return the folders, or the file, of the top-level package that a verifier is in. Raises PluginError."""
    return _places(VERIFIERS.entry(name).module.partition(".")[0])


def _load(entry: Offer) -> Verifier:
    who = VERIFIERS.named(entry)
    _require_trusted(entry.module.partition(".")[0])
    try:
        verifier = VERIFIERS.load(entry.name)()
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(
            say("{who} cannot be loaded: {name__}: {error}", who=who, name__=type(error).__name__, error=error)
        ) from error
    if getattr(verifier, "name", None) != entry.name:
        raise PluginError(say("{who} calls itself {getattr}", who=who, getattr=repr(getattr(verifier, "name", None))))
    if not dataclasses.is_dataclass(getattr(verifier, "Options", None)):
        raise PluginError(say("{who} has no dataclass Options", who=who))
    if not (callable(getattr(verifier, "verify", None)) or callable(getattr(verifier, "read", None))):
        raise PluginError(say("{who} has no method verify, and no method read", who=who))
    return verifier


def _require_trusted(package: str) -> None:
    """Refuse a package that others can change, before any of it runs: plugins come from anywhere."""
    spec = importlib.util.find_spec(package)
    places = (spec.submodule_search_locations or [spec.origin or ""]) if spec is not None else ()
    _require_places(tuple(places))


@cache
def _require_places(places: tuple[str, ...]) -> None:
    """Refuse them as often as others can change what lies there; what passed stays what it is (`drp.trust`)."""
    trust = Trust()
    require(doubt for place in places for doubt in trust.doubts(Path(place)))


def _described(entry: Offer) -> Description:
    return Description(name=entry.name, distribution=entry.distribution, version=entry.version, source=entry.value)


@cache
def _package_digest(package: str) -> str:
    digest = hashlib.sha256()
    for place in _places(package):
        sources = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        for source in sources:
            content = hashlib.sha256(source.read_bytes()).hexdigest()
            digest.update(f"{content}  {source.relative_to(place.parent).as_posix()}\n".encode())
    return digest.hexdigest()


@cache
def _places(package: str) -> tuple[Path, ...]:
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise PluginError(say("package {package} of a verifier is not installed", package=package))
    return tuple(Path(root) for root in sorted(spec.submodule_search_locations or [spec.origin or ""]))
