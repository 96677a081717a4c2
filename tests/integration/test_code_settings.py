"""Settings that name code are named; those of a file that cannot be read are not judged, and said to be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import Expectation
from drp.domain.judged import NotJudged
from drp.domain.restored_code import RestoredCode
from drp_verifiers.restored_code import code_of_command, code_of_settings
from tests.simulators.target import LocalTarget
from tests.support.scratch import scratch

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def expecting(root: Path, **inputs: object) -> Expectation:
    return Expectation(disaster_at=NOW, consistent_at=NOW, restored_root=str(root), inputs=inputs)


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that any user may enter."""
    with scratch("drp-code-settings") as folder:
        yield folder


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("orthanc.json", "json", json.dumps({"Plugins": ["x.so"], "Name": "PACS"})),
        ("trytond.conf", "ini", "[wsgi middleware]\nlog = site.Log\n[database]\nuri = postgresql://\n"),
    ],
)
def test_settings_of_code_are_named_and_an_unreadable_file_is_not_judged(
    root: Path, name: str, kind: str, content: str
) -> None:
    path, target = root / name, LocalTarget()
    path.write_text(content)
    (code,) = code_of_settings(target, expecting(root), name, kind=kind)
    assert isinstance(code, RestoredCode)
    assert code.name.startswith(f"{name}: ")
    path.write_bytes(b"\xff\xfe[\x00")
    (unread,) = code_of_settings(target, expecting(root), name, kind=kind)
    assert isinstance(unread, NotJudged)
    assert name in unread.part
    path.unlink()
    (gone,) = code_of_settings(target, expecting(root), name, kind=kind)
    assert isinstance(gone, NotJudged)
    assert gone.why == "FileNotFoundError"


def test_words_of_a_command_that_nobody_looked_at_are_told(root: Path) -> None:
    (root / "run.sh").write_text("exit 0\n")
    few = list(code_of_command(LocalTarget(), expecting(root, command=["/bin/sh", str(root / "run.sh")])))
    assert [one.name for one in few if isinstance(one, RestoredCode)] == ["program run.sh"]
    assert len(few) == 1
    many = expecting(root, command=["/bin/sh", *["x"] * 300, str(root / "run.sh")])
    assert any(isinstance(one, NotJudged) for one in code_of_command(LocalTarget(), many))
