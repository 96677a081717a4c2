"""A folder inside recovery points that is an application's own, where they hold more: how it is written. Pure."""

from __future__ import annotations

from drp.domain.manifest import show_path
from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.visible import is_visible

_LONGEST = 4095
"""Bytes of a path (PATH_MAX, without the byte at its end)."""
_NO_NAMES = {"", ".", ".."}


def misfit(path: str) -> Phrase:
    """Return why a text is no sub-path, with advice; nothing: it is one."""
    names = path.split("/")[1:]
    if not path.startswith("/"):
        return say("is not absolute: write the path as it was backed up, as in /srv/ehr")
    if names == [""]:
        return say("is the whole of every point: leave it out")
    if not all(map(is_visible, path)):
        return say("has a character that does not show itself: no sub-path can be written so")
    if ".." in names:
        return say("has `..` in it: write where it leads")
    if not _NO_NAMES.isdisjoint(names):
        kept = "/" + "/".join(name for name in names if name not in _NO_NAMES)
        return say("is not in its plain form: write {kept}", kept=kept)
    too_long = len(path.encode("utf-8", "surrogateescape")) > _LONGEST
    return say("is longer than a path can be") if too_long else NOTHING


def below(root: str, sub_path: str) -> bytes | None:
    """Return a sub-path as it is below a root, empty where it is that root; None: the root does not hold it.

    The root is absolute and readable, as manifests write theirs (``show_path``).
    """
    names = sub_path.encode("utf-8", "surrogateescape").strip(b"/").split(b"/")
    above = [name for name in root.split("/") if name]
    if not root.startswith("/") or [show_path(name) for name in names[: len(above)]] != above:
        return None
    return b"/".join(names[len(above) :])
