"""``python -m tests.fuzz.guided TARGET SECONDS CORPUS``: one target by atheris, which follows what the code does.

Used by ``python -m tests.fuzz`` where atheris is installed. It ends the process itself: with 0, or with what it found.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["drp", "drp_verifiers"], enable_loader_override=False):
    from tests.support.fuzzing import TARGETS, seeds


def main(name: str, seconds: str, folder: str) -> None:
    """Fuzz a target; what breaks it is left in the folder."""
    corpus = Path(folder) / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(content)
    words = [f"-max_total_time={seconds}", "-max_len=65536", "-rss_limit_mb=2048", "-timeout=10", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *words, f"-artifact_prefix={folder}/", str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
