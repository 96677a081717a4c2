"""What packages offer to drp under a name, as entry points: found without an import, loaded when asked for."""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Generic, TypeVar

from drp.errors import PluginError

Offered = TypeVar("Offered")
_OURS = "drproof"


class Registry(Generic[Offered]):
    """The names of one group of entry points."""

    def __init__(self, group: str, what: str, *, ours_first: bool = False) -> None:
        """``group``: such as ``drp.verifiers``; ``what``: what one of it is called, for messages.

        ``ours_first``: a name of drp's own package is found there, and nowhere else is looked, which takes 20 ms;
        otherwise a name that several claim is nobody's.
        """
        self.group, self.what = group, what
        self._ours_first = ours_first

    def entries(self) -> tuple[EntryPoint, ...]:
        """Return everything that is installed, by name; nothing is imported."""
        # an editable install can list a distribution twice; the same entry point twice is one
        installed = importlib.metadata.entry_points(group=self.group)
        found = {(entry.name, entry.value, distribution_of(entry)): entry for entry in installed}
        return tuple(found[key] for key in sorted(found))

    def names(self) -> tuple[str, ...]:
        """Return the names of all that is installed."""
        return tuple(dict.fromkeys(entry.name for entry in self.entries()))

    def entry(self, name: str) -> EntryPoint:
        """Return what stands behind a name. Raises ``PluginError`` when nothing does, or several do."""
        if self._ours_first and (ours := _own(self.group).get(name)) is not None:
            return ours
        found = [entry for entry in self.entries() if entry.name == name]
        if len(found) > 1:
            claimed = ", ".join(sorted(distribution_of(entry) for entry in found))
            raise PluginError(
                f"{self.what} {name} is claimed by several distributions: {claimed}", hint="uninstall all but one"
            )
        if not found:
            raise PluginError(self.unknown(name))
        return found[0]

    def unknown(self, name: str) -> str:
        """Return what is to be said of a name that nothing stands behind, with the one that was probably meant."""
        known = self.names()
        close = difflib.get_close_matches(name, known, n=1)
        guess = f"; did you mean {close[0]}?" if close else f"; installed are: {', '.join(known) or 'none'}"
        return f"no {self.what} is called {name}{guess}"

    def places(self, name: str) -> tuple[Path, ...]:
        """Return the folders, or the file, of the top-level package that a name stands for; none for drp's own.

        Nothing is imported. Raises ``PluginError``.
        """
        package = self.entry(name).module.partition(".")[0]
        spec = find_spec(package) if package != __name__.partition(".")[0] else None
        found = (spec.submodule_search_locations or [spec.origin or ""]) if spec is not None else ()
        return tuple(Path(place) for place in sorted(found))

    def load(self, name: str) -> Offered:
        """Import what stands behind a name. Raises ``PluginError`` naming distribution and version."""
        entry = self.entry(name)
        try:
            offered: Offered = entry.load()
        except Exception as error:
            raise PluginError(f"{self.named(entry)} cannot be loaded: {type(error).__name__}: {error}") from error
        return offered

    def named(self, entry: EntryPoint) -> str:
        """Return what stands behind an entry, and whose it is, for messages."""
        return f"{self.what} {entry.name} ({entry.value}) of {distribution_of(entry)}"


def distribution_of(entry: EntryPoint) -> str:
    """Return the distribution that an entry point is of, with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "an unknown distribution"


def _own(group: str) -> Mapping[str, EntryPoint]:
    try:
        ours = importlib.metadata.distribution(_OURS)
    except importlib.metadata.PackageNotFoundError:
        return {}
    return {entry.name: entry for entry in ours.entry_points.select(group=group)}
