"""Code that a backup of GNU Health brings with it: named with its digest, whatever it is hidden as."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp.domain.restored_code import RestoredCode
from drp_verifiers.gnuhealth import GnuHealthOptions, GnuHealthVerifier
from drp_verifiers.tcp import TcpOptions, TcpVerifier
from tests.simulators.target import LocalTarget

pytestmark = pytest.mark.real

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PACKAGES = "opt/gnuhealth/lib/python3.11/site-packages"
HEALTH = f"{PACKAGES}/trytond/modules/health"
CONF = "[database]\nuri = postgresql://gnuhealth:secret@/\n[cache]\nclass = trytond.cache.MemoryCache\n"
SOUND = {HEALTH, f"{PACKAGES}/trytond", f"{PACKAGES}/sql", "etc/trytond.conf: [cache] class"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, content in {
        f"{HEALTH}/tryton.cfg": "[tryton]\nversion=5\n",
        f"{HEALTH}/health.py": "class Patient: pass\n",
        f"{HEALTH}/data/deep/more.py": "",
        f"{PACKAGES}/trytond/server.py": "",
        f"{PACKAGES}/sql/__init__.py": "",
        "etc/trytond.conf": CONF,
        "attachments/aa/bb/aabb": "a letter",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def expecting(root: Path) -> Expectation:
    return Expectation(disaster_at=NOW, consistent_at=NOW, timeout_seconds=60, restored_root=str(root))


def read(root: Path) -> tuple[dict[str, str], CheckResult]:
    options = GnuHealthOptions(database="health", password_file="etc/password")
    answers = list(GnuHealthVerifier().read(LocalTarget(user="root"), options, expecting(root)))
    (told,) = (answer for answer in answers if isinstance(answer, CheckResult))
    return {answer.name: answer.digest for answer in answers if isinstance(answer, RestoredCode)}, told


def other_code(root: Path) -> None:
    (root / HEALTH / "health.py").write_text("class Patient: lies = True\n")


def byte_code(root: Path) -> None:
    """Python runs it in place of its source."""
    (root / HEALTH / "__pycache__").mkdir()
    (root / HEALTH / "__pycache__/health.cpython-311.pyc").write_bytes(b"\xa7\r\r\n")


def new_module(root: Path) -> None:
    (root / PACKAGES / "trytond/modules/lies").mkdir()
    (root / PACKAGES / "trytond/modules/lies/tryton.cfg").touch()
    (root / PACKAGES / "trytond/modules/lies/__init__.py").touch()


def path_file(root: Path) -> None:
    """Python runs its lines that begin with import when it starts."""
    (root / PACKAGES / "ward.pth").write_text("import lies\n")


def link(root: Path) -> None:
    (root / PACKAGES / "sitecustomize.py").symlink_to("/data/elsewhere/lies.py")


def library(root: Path) -> None:
    (root / PACKAGES / "sql/fast.so.1").write_bytes(b"\x7fELF")


def evaluated(root: Path) -> None:
    with (root / "etc/trytond.conf").open("a") as file:
        file.write("[wsgi middleware]\nlies = a.B\n[wsgi lies]\nargs = (exec('import lies'),)\n")


CHANGES: list[tuple[Callable[[Path], None], set[str]]] = [
    (other_code, {HEALTH}),
    (byte_code, {HEALTH}),
    (new_module, {f"{PACKAGES}/trytond/modules/lies"}),
    (path_file, {f"{PACKAGES}/ward.pth"}),
    (link, {f"{PACKAGES}/sitecustomize.py"}),
    (library, {f"{PACKAGES}/sql"}),
    (evaluated, {"etc/trytond.conf: [wsgi middleware] lies", "etc/trytond.conf: [wsgi lies] args"}),
]


def test_code_is_told_by_module_package_and_setting_and_keeps_its_digest(root: Path) -> None:
    code, told = read(root)
    assert set(code) == SOUND
    assert told.outcome == "passed"
    assert read(root)[0] == code
    assert "secret" not in repr(code), "only what names code is looked at"


@pytest.mark.parametrize(("change", "names"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_code_that_is_new_or_another_one_has_another_digest(
    root: Path, change: Callable[[Path], None], names: set[str]
) -> None:
    before, _ = read(root)
    change(root)
    after, told = read(root)
    assert {name for name, digest in after.items() if before.get(name) != digest} == names
    assert told.outcome == "passed"


def test_what_cannot_be_read_is_not_called_whole(root: Path) -> None:
    (root / HEALTH / "secret").mkdir(mode=0o700)
    options = GnuHealthOptions(database="health", password_file="etc/password")
    subprocess.run(["chmod", "a+rx", root, *root.parents[:-2]], check=True)
    answers = list(GnuHealthVerifier().read(LocalTarget(), options, expecting(root)))
    (told,) = (answer for answer in answers if isinstance(answer, CheckResult))
    assert (told.outcome, "1 file or folder cannot be read" in told.observed) == ("undetermined", True)


@pytest.mark.parametrize(
    ("command", "environment", "names"),
    [
        (["/usr/bin/python3", "{restored_root}/bin/daemon.py"], {}, {"program bin/daemon.py"}),
        (["./bin/daemon.py"], {}, {"program bin/daemon.py"}),
        (["java", "-cp", "lib/a.jar:{restored_root}/lib/b.jar"], {}, {"program lib/a.jar", "program lib/b.jar"}),
        (["daemon", "--plugin={restored_root}/lib/b.jar"], {}, {"program lib/b.jar"}),
        (["daemon"], {"LD_PRELOAD": "{restored_root}/lib/a.jar"}, {"program lib/a.jar"}),
        (["/usr/bin/python3", "{restored_root}/link.py"], {}, {"program bin/daemon.py"}),
        (["/usr/bin/python3", "{restored_root}/out.py", "{restored_root}/pipe"], {}, set()),
        (["/bin/true", "/etc/passwd"], {}, set()),
    ],
)
def test_a_service_is_named_by_the_restored_files_that_it_runs(
    tmp_path: Path, command: list[str], environment: dict[str, str], names: set[str]
) -> None:
    for name in ("bin/daemon.py", "lib/a.jar", "lib/b.jar"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link.py").symlink_to("bin/daemon.py")
    (tmp_path / "out.py").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    inputs = {"command": command, "environment": environment}
    answers = TcpVerifier().verify(
        LocalTarget(user="root"), TcpOptions(port=1), replace(expecting(tmp_path), inputs=inputs)
    )
    assert {answer.name for answer in answers if isinstance(answer, RestoredCode)} == names
