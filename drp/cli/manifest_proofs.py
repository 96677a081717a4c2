"""What `drp manifest prove` and `check-proof` do and tell."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from drp.atomic import write_atomically
from drp.cli import render
from drp.domain.phrase import say
from drp.domain.strict_json import Limits, parse
from drp.errors import EvidenceError, UsageError
from drp.hashing.reading.digest import constructors
from drp.manifests import proof
from drp.manifests.opening import open_manifest

_PROOF = Limits(size=16 << 20, largest=1 << 64)


def prove(path: Path, entry: str, output: Path | None) -> None:
    """Write a proof."""
    with open_manifest(path) as manifest:
        document = proof.prove(manifest, os.fsencode(entry))
    content = json.dumps(document, indent=1).encode() + b"\n"
    if output is None:
        render.output([content])
    else:
        write_atomically(output, content)


def check_proof(path: Path, root: str, file: Path | None, *, machine: bool) -> int:
    """Check a proof, and a file against it. Raises ``EvidenceError``."""
    try:
        document = parse(path.read_bytes(), _PROOF)
    except OSError as error:
        raise UsageError(
            say("cannot read the proof {path}: {strerror}", path=path, strerror=os.strerror(error.errno or 0))
        ) from error
    except ValueError as error:
        raise EvidenceError(say("{path} is no proof: {error}", path=path, error=error)) from error
    if not isinstance(document, dict):
        raise EvidenceError(say("{path} is no proof", path=path))
    entry = proof.check_proof(document, root or None)
    if file is not None:
        _check_file(file, entry)
    if machine:
        render.document("drp/manifest-proof-check/1", {"entry": entry, "merkle_root": root or document["merkle_root"]})
    else:
        render.line(
            say(
                "{path}: in the manifest with Merkle root {root}",
                path=entry["path"],
                root=root or document["merkle_root"],
            )
        )
        if not root:
            render.note("the root is the proof's own: compare it with the one in the evidence record, or use --root")
    return 0


def _check_file(file: Path, entry: dict[str, Any]) -> None:
    algorithms = [name for name in ("blake3", "sha256") if name in entry]
    hashers = [make() for make in constructors(algorithms)]
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            for hasher in hashers:
                hasher.update(piece)
    if not algorithms or [hasher.hexdigest() for hasher in hashers] != [entry[name] for name in algorithms]:
        raise EvidenceError(say("{file} is not the file that was proven: its digest is another", file=file))
