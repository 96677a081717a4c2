"""Whatever the standard streams are, drp says what it can, ends as documented, and leaves no traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drp.cli import render
from tests.support.pseudo_terminal import on_a_terminal
from tests.support.sites import SITE, write_site

HOSTILE = "a\x1b]0;owned\x07\x9b31m\u202ey\u200b\u2028\ufe0f"


def shell(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script whose `drp` is the program."""
    program = f'drp() {{ "{sys.executable}" -P -m drp "$@"; }}; '
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DRP_", "PYTHON", "LC_", "LANG"))}
    return subprocess.run(
        ["bash", "-c", program + script, "bash", *arguments], env={**clean, **environment}, capture_output=True, timeout=60, check=False
    )  # fmt: skip


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("drp explain DRP-H001 >/dev/full", 15, b"standard output cannot be written: No space left"),
        ("drp --help >/dev/full", 15, b"standard output cannot be written: No space left"),
        ("drp explain --json >/dev/full", 15, b"standard output cannot be written"),
        ("drp explain DRP-H001 >&-", 0, b""),
        ("drp --site /nowhere app list >&- 2>&- <&-", 10, b""),
        ("drp --site /nowhere app list 2>/dev/full", 10, b""),
        ("drp explain --json | true; exit ${PIPESTATUS[0]}", 141, b""),
        ("drp --help | true; exit ${PIPESTATUS[0]}", 141, b""),
    ],
)
def test_a_stream_that_takes_nothing_ends_drp_as_documented(script: str, status: int, said: bytes) -> None:
    done = shell(script)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert b"DRP-E000" not in done.stderr


def test_what_is_opened_later_does_not_take_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    """A file that became number 1 would be written to by whoever prints."""
    report = "import os; from drp.cli import streams; streams.prepare(); print(os.open('/', os.O_RDONLY), file=open('%s', 'w'))"
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "$1" >&- 2>&- <&-', "bash", report % (tmp_path / "said")], timeout=60, check=False
    )  # fmt: skip
    assert done.returncode == 0
    assert int((tmp_path / "said").read_text()) > 2


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_any_terminal_shows_any_title_and_json_stays_valid(encoding: str, tmp_path: Path) -> None:
    title = json.dumps(f"Hôpital → 病院 {HOSTILE}")
    site = write_site(tmp_path / "site", {"drp.yml": SITE})
    said = (
        (site / "inventory/applications/ehr.yml")
        .read_text()
        .replace("title: Electronic health record", f"title: {title}")
    )
    (site / "inventory/applications/ehr.yml").write_text(said)
    script = 'drp --site "$1" app show ehr && drp --site "$1" app show ehr --json'
    done = shell(script, str(site), LC_ALL="C", PYTHONIOENCODING=encoding, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0, done.stderr
    text, _, document = done.stdout.decode(encoding).partition('{\n  "schema"')
    assert json.loads('{\n  "schema"' + document)["title"] == json.loads(title)
    for character in HOSTILE[1:]:
        assert character not in text + document or (character.isprintable() and character.isascii())
    assert ("Hôpital → 病院" in text) == (encoding == "utf-8")


def test_the_crash_handler_survives_what_it_tells_of(tmp_path: Path) -> None:
    """Without a place for the traceback, on a stream that can show neither the message nor take it."""
    crash = (
        "import tempfile; tempfile.tempdir = '/proc/self'\n"
        "import drp.cli.main as main, drp.__main__ as entry\n"
        "def app(**_): raise RuntimeError('\\u75c5 \\ud800 \\x1b[2J')\n"
        "main.app = app; entry.main()\n"
    )
    for end in ("", "2>/dev/full", "2>&-"):
        done = shell(f'"{sys.executable}" -c "$1" {end}', crash, LC_ALL="C", PYTHONIOENCODING="latin-1")
        assert done.returncode == 70
        assert b"\x1b" not in done.stderr
        if not end:
            assert b"unforeseen error: \\u75c5 \\ud800 \\x1b[2J [DRP-E000]" in done.stderr
            assert b"RuntimeError" in done.stderr, "the traceback, since there is no file for it"


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_bytes_from_inside_are_left_alone_in_a_pipe_and_made_visible_on_a_terminal() -> None:
    parts = [b"tab\tand line\r\nh", b"\xc3", b"\xb4pital \xff\x1b[31m", "\u202e\n".encode()]
    pipe, screen = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), Terminal(io.BytesIO(), encoding="utf-8")
    for stream in (pipe, screen):
        render.output(parts, stream)
    assert pipe.buffer.getvalue() == b"".join(parts)  # type: ignore[attr-defined]
    assert screen.buffer.getvalue().decode() == "tab\tand line\\r\nhôpital \\xff\\x1b[31m\\u202e\n"  # type: ignore[attr-defined]


def test_json_with_names_from_backups_acts_on_no_terminal(tmp_path: Path) -> None:
    said = f"- {json.dumps(HOSTILE)}"
    (tmp_path / "list.yml").write_text(said)
    program = [sys.executable, "-c", f"from drp.cli import render; render.document('x', {{'name': {HOSTILE!r}}})"]
    status, written = on_a_terminal(program, environment={"LC_ALL": "C.UTF-8"}, cwd=Path(__file__).resolve().parents[2])
    assert status == 0
    assert json.loads(written)["name"] == HOSTILE
    assert written.decode().replace("\r\n", "").isascii()
