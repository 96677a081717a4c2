"""What tells a sandbox from a machine of production and cannot be hidden, each with its reason; all else is a sign too many."""

from __future__ import annotations

import re
from pathlib import Path

PROGRAM = Path(__file__).with_name("look_for_signs.py")

ALLOWED = {
    "mountinfo newroot": "bubblewrap makes the root in a folder of this name, and the kernel tells it as the root's origin",
}
"""End of a sign's place → why it stays. Beyond names: the kernel shows namespaces (uid_map, a few processes, no network
device but lo), the machine's own hardware, kernel and uptime, sizes and owners of tmpfs, and where an image lies on the
machine that drills (`mountinfo`); a name that nobody restored does not resolve; and any server answers egress alike."""


def unexpected(signs: list[list[str]]) -> list[list[str]]:
    """Return the signs that are not allowed."""
    return [sign for sign in signs if not sign[0].endswith(tuple(ALLOWED))]


def nothing_else() -> str:
    """Return a pattern of a page that shows allowed signs alone."""
    places = "|".join(re.escape(each) for each in ALLOWED)
    one = rf'\["[^"]*(?:{places})", "[^"]*"\]'
    return rf"^\[(?:{one}(?:, {one})*)?\]$"
