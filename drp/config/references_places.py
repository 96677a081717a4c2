"""What `places:` in drp.yml says about plans and applications: they must exist, and each be held at one place alone."""

from __future__ import annotations

from collections.abc import Iterator

from drp.config.document import Document
from drp.config.problems import Problem, suggestion
from drp.config.references import Inventory
from drp.config.schema import SiteFile


def cross_check_places(said: SiteFile, document: Document, inventory: Inventory) -> Iterator[Problem]:
    """Yield every name that nothing has, and every one that two places claim."""
    known = {
        "drills": inventory.known("drill", inventory.drills),
        "applications": inventory.known("application", inventory.applications),
    }
    first: dict[tuple[str, str], str] = {}
    for place, served in said.places.items():
        for key, kind, names in (
            ("drills", "drill", served.drills),
            ("applications", "application", served.applications),
        ):
            for index, name in enumerate(names):
                at = ("places", place, key, index)
                if name not in known[key]:
                    yield document.problem(at, f"there is no {kind} `{name}`; {suggestion(name, known[key])}")
                other = first.setdefault((kind, name), place)
                if other != place:
                    yield document.problem(at, f"`{name}` is held at `{other}` already")
