"""What a comparison leaves out: what the manifest does not hold, and what the restored tree cannot have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.domain.manifest import UNJUDGED_PARTS, Unjudged
from drp.domain.phrase import Phrase, fact
from drp.hashing.judge import UNJUDGED
from drp.hashing.tally import Tally
from drp.manifests.attributes import CLASSES, visible
from drp.manifests.reader import Manifest

_NAMED = 20
_NODE = fact("no-nodes-restored", "backup tools restore no sockets, and a sandbox lets nobody make devices")
_SINGLE = fact("single-user-id-as-owners", "a single user id is mapped: as for owners")
_UNSEEN = fact("attributes-unseen", "whoever compares cannot see them: that takes root")
_NOT_HELD = fact(
    "attributes-not-held",
    "the manifest holds none: made by an earlier drp, with --no-attributes, without the right to see them, or where "
    "the file system keeps none",
)


def holds_all(manifest: Manifest) -> bool:
    """Return whether it has one digest over all extended attributes of an entry, as ``--xattrs`` once made it."""
    options = manifest.header.get("options")
    return isinstance(options, dict) and bool(options.get("xattrs"))


def held(manifest: Manifest) -> tuple[str, ...]:
    """Return the classes of extended attributes that were looked at when the manifest was made."""
    options = manifest.header.get("options")
    said = options.get("attributes") if isinstance(options, dict) else None
    return tuple(each for each in CLASSES if isinstance(said, list) and each in said)


def judged_classes(
    manifest: Manifest, root: int, barred: Mapping[str, Phrase] | None, *, uid_offset: int | None
) -> tuple[str, ...]:
    """Return the classes that can be compared in the tree at an open root."""
    reasons = _reasons(barred, uid_offset)
    seen = visible(root)
    hidden = "trusted" if seen and "trusted" not in seen else ""  # on a file system without any, all are lost
    return tuple(each for each in held(manifest) if each not in reasons and each != hidden)


def without(
    manifest: Manifest, barred: Mapping[str, Phrase] | None, *, uid_offset: int | None, tally: Tally
) -> tuple[Unjudged, ...]:
    """Take what could not be judged out of the tally, and return it with why."""
    return tuple(_unjudged(manifest, _reasons(barred, uid_offset), tally))


def _unjudged(manifest: Manifest, reasons: Mapping[str, Phrase], tally: Tally) -> Iterator[Unjudged]:
    kept = held(manifest)
    for kind, part in UNJUDGED_PARTS.items():
        count, named = tally.take(UNJUDGED + kind)
        if count:
            why = reasons.get(kind, _NODE if kind == "node" else _UNSEEN)
            yield Unjudged(part=part, why=why, count=count, named=named[:_NAMED])
        elif kind != "node" and kind not in kept and not holds_all(manifest):
            yield Unjudged(part=part, why=_NOT_HELD)


def _reasons(barred: Mapping[str, Phrase] | None, uid_offset: int | None) -> dict[str, Phrase]:
    return {**(barred or {}), **({"acl": _SINGLE} if uid_offset is None else {})}
