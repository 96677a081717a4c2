"""Runs inside the sandbox: reads the users of a restored Orthanc as Orthanc does: JSON with comments, or a folder."""

import json
import os
import re

from regular import small_text

COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*', re.DOTALL)
VARIABLE = re.compile(r"\$\{([^:}]+)(?::-([^}]*))?\}")
TRAILING = re.compile(r'"(?:\\.|[^"\\])*"|,(?=\s*[}\]])')
MOST_FILES = 500


def kept(found):
    """Keep a string, blank a comment."""
    return found.group(0) if found.group(0).startswith('"') else " "


def value(found):
    """Return what a variable of the environment is, or what stands for it."""
    name, default = found.groups(default="")
    if len(default) > 1 and default[0] == default[-1] and default[0] in "'\"":
        default = default[1:-1]
    return os.environ.get(name, default)


def parsed(path):
    """Return one file. Raises OSError, ValueError."""
    text = VARIABLE.sub(value, small_text(os.path.realpath(path), otherwise="latin-1").lstrip("\ufeff"))
    bare = TRAILING.sub(kept, COMMENT.sub(kept, text)).strip()
    content, _ = json.JSONDecoder(strict=False).raw_decode(bare)
    return content if isinstance(content, dict) else {}


def sections(path):
    """Return a configuration, from a file or the files of a folder. Raises OSError, ValueError."""
    if not os.path.isdir(path):
        return parsed(path)
    whole = {}
    files = [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.lower().endswith(".json")]
    for file in [file for file in files if not os.path.isdir(file)][:MOST_FILES]:
        whole.update(parsed(file))
    return whole


def registered_users(path):
    """Return the users and their passwords. Raises OSError, ValueError."""
    if not os.path.isdir(path):
        return parsed(path).get("RegisteredUsers") or {}
    users = {}
    files = [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.lower().endswith(".json")]
    for file in [file for file in files if not os.path.isdir(file)][:MOST_FILES]:
        users.update(parsed(file).get("RegisteredUsers") or {})
    return users
