"""What is left of a sandbox and of its volumes, in a line."""

from __future__ import annotations

from drp.cli.render import printable, size
from drp.domain.sandbox import Residue
from drp.domain.volume import Erased


def what_is_left(residue: Residue) -> str:
    """Return whether anything is left, and how each volume on disk was made unreadable."""
    told = [_erased(each) for each in residue.erased if each.erased_by != "memory" or not each.done]
    said = "✔ nothing left" if residue.clean else "✗ SOMETHING IS LEFT"
    return "; ".join((said, *told))


def _erased(volume: Erased) -> str:
    name = f"{printable(volume.at)} " if volume.at else ""
    if not volume.done:
        return f"{name}not erased: {printable(volume.left)}"
    by = "key lost, " if volume.erased_by == "key" else ""
    left = f" ({printable(volume.left)})" if volume.left else ""
    return f"{name}{by}{size(volume.overwritten_bytes)} overwritten{left}"
