"""What is known of a repository from outside drills, when one of them takes its point from it."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.worm.probe import Probe
from drp.domain.worm.scrub import Scrub


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryKnown:
    """The newest that the register held of a repository; it was found out before, and not by the drill."""

    head: str = ""
    """Position and link of the register's last entry then, ``position:link``; position -1: it was empty."""
    probe: Probe | None = None
    """None: nobody ever tried (`drp repo worm --probe`)."""
    scrub: Scrub | None = None
    """None: its objects were never read and compared (`drp repo scrub`)."""
