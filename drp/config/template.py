"""Lays down a site directory: the shipped example hospital, made ready for `drp config check`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from drp.atomic import storage_errors, write_atomically
from drp.config.json_schema import KINDS, file_schema
from drp.domain.phrase import say
from drp.errors import StorageFull, UsageError
from drp.share import shared
from drp.trust import Trust, require

_FOLDERS = {"state": 0o750, "evidence": 0o750, "manifests": 0o750, "runbooks": 0o755, "secrets": 0o700}
_IGNORED = "# Never under version control: what this machine makes, and secrets.\n/state/\n/evidence/\n/secrets/\n"


def require_no_site(directory: Path) -> None:
    """Raise UsageError when a directory holds a site, Untrusted when others could change what is laid there."""
    if (directory / "drp.yml").exists() or (directory / "inventory").exists():
        raise UsageError(
            say("{directory} holds a site already", directory=directory),
            hint="name another directory; nothing was changed",
        )
    require([Trust().doubt(directory)])


def lay_site(directory: Path, inventory: Mapping[str, bytes] | None = None) -> None:
    """Fill a directory with the example site, or with files of an ``inventory/`` of its own; nothing is overwritten.

    Raises UsageError when the directory holds a site, StorageFull when it cannot be written, Untrusted when others
    could change what is laid there.
    """
    require_no_site(directory)
    template = shared("inventory")
    try:
        _lay(directory, template, inventory if inventory is not None else _example(template))
    except OSError as error:
        raise StorageFull(
            say("cannot lay a site down in {directory}: {why}", directory=directory, why=error.strerror),
            hint="name a directory that you may write",
        ) from error


def _example(template: Path) -> Mapping[str, bytes]:
    return {
        str(Path("inventory") / source.relative_to(template)): source.read_bytes()
        for source in sorted(template.rglob("*"))
        if source.suffix in {".yml", ".md"} and source.name != "drp.yml"
    }


def _lay(directory: Path, template: Path, inventory: Mapping[str, bytes]) -> None:
    for folder, mode in _FOLDERS.items():
        (directory / folder).mkdir(parents=True, exist_ok=True, mode=mode)
    write_schemas(directory / ".schema")
    if not (directory / ".gitignore").exists():
        write_atomically(directory / ".gitignore", _IGNORED.encode(), mode=0o644)
    for name, content in inventory.items():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content, mode=0o644, exclusive=True)
    # last: a directory without drp.yml is no site, so a half-laid one is not taken for one
    site = (template / "drp.yml").read_text(encoding="utf-8")
    # quoted: a directory may be called 2026 or true
    named = re.sub(r"(?m)^name: .*$", f'name: "{site_name(directory)}"', site, count=1)
    write_atomically(directory / "drp.yml", named.encode(), mode=0o644, exclusive=True)


def write_schemas(directory: Path) -> tuple[Path, ...]:
    """Write the JSON Schema of every kind of file for editors; return the files."""
    with storage_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    files = tuple(directory / f"{kind}.json" for kind in KINDS)
    for file in files:
        text = json.dumps(file_schema(file.stem), indent=2, ensure_ascii=False) + "\n"
        write_atomically(file, text.encode(), mode=0o644)
    return files


def site_name(directory: Path) -> str:
    """Return a site's name made from its directory's."""
    name = re.sub(r"[^a-z0-9]+", "-", directory.resolve().name.lower()).strip("-")[:63].rstrip("-")
    return name or "site"
