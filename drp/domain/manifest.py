"""Manifests: paths and digests made at backup time, and how a restored tree departs from one.

Names are raw bytes end to end. Where JSON or a screen needs text, ``path`` is a readable approximation and
``path_b64`` the exact bytes (the convention of borg's frontends).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.visible import escape, is_visible

EntryKind = Literal["file", "directory", "symlink", "fifo", "socket", "block", "character"]
DeviationKind = Literal["changed", "missing", "unexpected", "unreadable", "metadata", "kind", "unstable"]
"""unstable: the file changed while it was read, twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestPart:
    """A folder of a manifest, where it was made of more than an application's own tree."""

    path: str
    """Below the manifest's root, readable."""
    entries: int = 0
    files: int = 0
    total_bytes: int = 0
    errors: int = 0
    """Entries that could not be read when the manifest was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestSummary:
    """What a manifest says about itself."""

    id: str
    """SHA-256 of the manifest file's bytes, hex: what a recovery point's tag names."""
    application: str
    root: str
    host: str
    tool: str
    algorithms: tuple[str, ...]
    started_at: datetime
    finished_at: datetime
    entries: int
    files: int
    total_bytes: int
    merkle_root: str
    errors: int = 0
    """Entries that could not be read when the manifest was made."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """What the application said of itself at backup time (for PostgreSQL: row counts); verifiers compare."""
    recovery_point: str = ""
    """Id, or its beginning, of the recovery point that it was made for, where its maker knew it."""
    part: ManifestPart | None = None
    """The folder that is the application's own, which alone it is believed about; null: all of it is."""

    @property
    def own(self) -> ManifestPart:
        """Return what of it is the application's own, counted."""
        whole = ManifestPart(
            path="", entries=self.entries, files=self.files, total_bytes=self.total_bytes, errors=self.errors
        )
        return self.part or whole


class OpenManifest(Protocol):
    """A manifest whose bytes were read and digested once, and which whoever has it goes on reading by that handle.

    A name may lead elsewhere a moment later, so after it was opened nobody asks for it by name.
    """

    def summary(self) -> ManifestSummary:
        """Return what it says about itself; its ``id`` is the digest of what was opened. Raises ``ManifestError``."""
        ...

    def narrow(self, below: bytes) -> None:
        """Speak of a folder of it alone from now on, by paths below that folder.

        Raises ``NotFound`` when it has no such folder, ``ManifestError``.
        """
        ...

    def close(self) -> None:
        """Give it back; safe to call again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One path at which a restored tree departs from its manifest."""

    kind: DeviationKind
    path: str
    path_b64: str
    expected: Phrase = NOTHING
    observed: Phrase = NOTHING
    errno: int = 0
    """Of what could not be read: the number of the system's error; 0: it was read, or nobody knows."""


UNJUDGED_PARTS: Mapping[str, Phrase] = {
    "node": say("sockets and device nodes"),
    "user": say("extended attributes (user.*)"),
    "acl": say("access control lists"),
    "capability": say("file capabilities"),
    "trusted": say("extended attributes (trusted.*)"),
}
"""What may be there and still not be judged in a drill → the name of its part (`drp.domain.tree_parts`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """What a manifest may hold and this comparison could not judge."""

    part: Phrase
    why: Phrase
    count: int | None = None
    """Entries of the manifest that have it; None: nobody knows."""
    named: tuple[str, ...] = ()
    """The first of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestDifference:
    """How a restored tree departs from its manifest: exact counts, and the first deviations of each kind."""

    manifest_id: str
    files_hashed: int
    bytes_hashed: int
    entries_expected: int
    counts: Mapping[str, int] = field(default_factory=dict)
    """DeviationKind → how many."""
    deviations: tuple[Deviation, ...] = ()
    """At most ``MAX_DEVIATIONS`` of each kind, in path order."""
    ownership_judged: bool = True
    unjudged: tuple[Unjudged, ...] = ()
    duration_ms: int = 0
    core: str = ""
    """What computed the digests: pure (Python), or native (compiled) and its version."""
    sampled: int | None = None
    """So many files were drawn, and nothing but those was looked at; None: the whole tree was."""

    @property
    def clean(self) -> bool:
        """Return whether the tree is exactly what the manifest says."""
        return not any(self.counts.values())


MAX_DEVIATIONS = 100


def show_path(raw: bytes) -> str:
    """Return a readable, reversible-enough text of a raw name: no control, no bidi, no undecodable byte survives."""
    text = raw.decode("utf-8", "surrogateescape")
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if "\udc80" <= character <= "\udcff":  # an undecodable byte, smuggled by surrogateescape
        return f"\\x{ord(character) - 0xDC00:02x}"
    if is_visible(character):
        return character
    return f"\\x{ord(character):02x}" if character < "\u0100" else escape(character)


def encode_path(raw: bytes) -> str:
    """Return the exact bytes of a name for JSON."""
    return base64.b64encode(raw).decode("ascii")


def decode_path(text: str) -> bytes:
    """Return the raw name from its JSON form."""
    return base64.b64decode(text, validate=True)
