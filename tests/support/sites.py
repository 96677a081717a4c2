"""Small site directories for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SITE = "version: 1\nname: test-site\n"
REPOSITORIES = """\
repositories:
  vault:
    location: {directory: /srv/backup}
    password: {file: secrets/vault}
  shelf:
    location: {medium: {mount: /media/shelf, label: SHELF-A}}
    password: {credential: shelf}
"""
EHR = """\
name: ehr
title: Electronic health record
tier: 0
objectives: {rto: 4h, rpo: 1h}
backup: {repositories: [vault, shelf]}
runbook: {kind: postgres}
checks:
  - {name: database, verifier: postgres}
"""
DOCUMENTS = """\
name: documents
title: Clinical documents
tier: 1
objectives: {rto: 8h, rpo: 1d}
backup: {repositories: [vault]}
runbook: {kind: files}
checks:
  - {name: tree, verifier: files}
depends_on: [ehr]
"""
DRILL = """\
name: hospital
scenario: {title: Ransomware}
recoveries: [ehr, documents]
"""
FILES = {
    "drp.yml": SITE,
    "inventory/repositories.yml": REPOSITORIES,
    "inventory/applications/ehr.yml": EHR,
    "inventory/applications/documents.yml": DOCUMENTS,
    "inventory/drills/hospital.yml": DRILL,
}


def write_site(directory: Path, files: Mapping[str, str | bytes | None] | None = None) -> Path:
    """Write a valid site, with some files replaced, added or (None) left out; return the directory."""
    for file, content in {**FILES, **(files or {})}.items():
        if content is None:
            continue
        path = directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return directory
