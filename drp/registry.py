"""What packages offer to drp under a name, as entry points: found without an import, loaded when asked for."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Generic, TypeVar

from drp.domain.phrase import Phrase, say, several
from drp.errors import PluginError
from drp.offers import Offer, offers

Offered = TypeVar("Offered")
_OURS = "drproof"


class Registry(Generic[Offered]):
    """The names of one group of entry points."""

    def __init__(self, group: str, what: Phrase, *, ours_first: bool = False) -> None:
        """``group``: such as ``drp.verifiers``; ``what``: what one of it is called, for messages.

        ``ours_first``: a name of drp's own package is that one, whoever else claims it; otherwise a name that several
        claim is nobody's.
        """
        self.group, self.what = group, what
        self._ours_first = ours_first

    def entries(self) -> tuple[Offer, ...]:
        """Return everything that is installed, by name; nothing is imported."""
        return offers(self.group)

    def names(self) -> tuple[str, ...]:
        """Return the names of all that is installed."""
        return tuple(dict.fromkeys(entry.name for entry in self.entries()))

    def entry(self, name: str) -> Offer:
        """Return what stands behind a name. Raises ``PluginError`` when nothing does, or several do."""
        found = [entry for entry in self.entries() if entry.name == name]
        ours = [entry for entry in found if entry.distribution == _OURS] if self._ours_first else []
        if len(found) > 1 and len(ours) != 1:
            claimed = several(sorted(entry.whose for entry in found))
            raise PluginError(
                say(
                    "{what} {name} is claimed by several distributions: {claimed}",
                    what=self.what,
                    name=name,
                    claimed=claimed,
                ),
                hint="uninstall all but one",
            )
        if not found:
            raise PluginError(self.unknown(name))
        return (ours or found)[0]

    def unknown(self, name: str) -> Phrase:
        """Return what is to be said of a name that nothing stands behind, with the one that was probably meant."""
        import difflib  # noqa: PLC0415 - only for who mistypes

        known = self.names()
        close = difflib.get_close_matches(name, known, n=1)
        if close:
            return say("no {what} is called {name}; did you mean {meant}?", what=self.what, name=name, meant=close[0])
        if not known:
            return say("no {what} is called {name}; installed are: none", what=self.what, name=name)
        return say(
            "no {what} is called {name}; installed are: {known}", what=self.what, name=name, known=several(known)
        )

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
            raise PluginError(
                say(
                    "{what} cannot be loaded: {kind}: {error}",
                    what=self.named(entry),
                    kind=type(error).__name__,
                    error=error,
                )
            ) from error
        return offered

    def named(self, entry: Offer) -> Phrase:
        """Return what stands behind an entry, and whose it is, for messages."""
        return say(
            "{what} {name} ({value}) of {distribution}",
            what=self.what,
            name=entry.name,
            value=entry.value,
            distribution=entry.whose,
        )
