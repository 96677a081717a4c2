"""Names of files as patterns that restic takes for those files.

restic's ``--include`` is matched component by component as Go's ``filepath.Match`` does: ``*``, ``?``, ``[…]`` and
``**`` are not themselves, a backslash makes any character one that is. A leading ``!`` turns a pattern round, so all of
them begin with a slash. What is no Unicode cannot be said on a command line that is written as JSON: ``?`` stands for
one such byte, as it does for any character, so that a little more may come back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[^A-Za-z0-9/._,=+-]", re.ASCII)


def patterns(root: str, paths: Iterable[bytes]) -> tuple[str, ...]:
    """Return a pattern for each file, given by its path below the root, which is absolute in the backup's tree."""
    above = _escaped(root.encode("utf-8", "surrogateescape").strip(b"/"))
    return tuple("/" + "/".join(part for part in (above, _escaped(path)) if part) for path in paths)


def _escaped(path: bytes) -> str:
    return _PLAIN.sub(_one, path.decode("utf-8", "surrogateescape"))


def _one(found: re.Match[str]) -> str:
    character = found[0]
    if "\udc80" <= character <= "\udcff" or not character.isprintable():
        return "?"
    return f"\\{character}" if character.isascii() else character
