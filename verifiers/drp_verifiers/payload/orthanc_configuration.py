"""Runs inside the sandbox: reads the users of a restored Orthanc as Orthanc does: JSON with comments, or a folder."""

import json
import os
import re

from regular import small_text

COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*', re.DOTALL)
TRAILING = re.compile(r'"(?:\\.|[^"\\])*"|,(?=\s*[}\]])')
MOST_FILES = 500


def kept(found):
    """Keep a string, blank a comment."""
    return found.group(0) if found.group(0).startswith('"') else " "


def parsed(path):
    """Return one file. Raises OSError, ValueError."""
    text = small_text(os.path.realpath(path)).lstrip("\ufeff")
    content = json.loads(TRAILING.sub(kept, COMMENT.sub(kept, text)))
    return content if isinstance(content, dict) else {}


def registered_users(path):
    """Return the users and their passwords. Raises OSError, ValueError."""
    if not os.path.isdir(path):
        return parsed(path).get("RegisteredUsers") or {}
    users = {}
    for name in sorted(name for name in os.listdir(path) if name.endswith(".json"))[:MOST_FILES]:
        users.update(parsed(os.path.join(path, name)).get("RegisteredUsers") or {})
    return users
