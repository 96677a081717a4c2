"""`drp manifest …` as users type it: results on stdout, documented exit status, documents for machines."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from tests.support import warm
from tests.support.trees import copy, hostile, ordinary, write
from tests.support.waiting import PATIENCE, eventually

DRP = [sys.executable, "-m", "drp"]


def drp(*arguments, cwd=None, stdin=b"", exit_status=0):
    done = warm.drp("manifest", *arguments, cwd=cwd or warm.ROOT, stdin=stdin, text=False)
    assert done.returncode == exit_status, (done.returncode, done.stdout, done.stderr)
    return done


def document(done):
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    tree = hostile(folder / "tree")
    ordinary(tree / "ordinary")
    arguments = ("create", tree, "-o", folder / "m", "--algorithm", "both", "--application", "ehr", "--facts", "-")
    made = document(drp(*arguments, "--json", stdin=b'{"rows": {"patient": 3}}'))
    return tree, folder / "m", made


def test_create_tells_what_it_made(made):
    _, path, document_ = made
    assert document_["schema"] == "drp/manifest/1"
    assert document_["path"] == str(path)
    assert document_["application"] == "ehr"
    assert document_["facts"] == {"rows": {"patient": 3}}
    assert len(document_["id"]) == 64


def test_show(made):
    _, path, document_ = made
    shown = document(drp("show", path, "--json"))
    assert shown["id"] == document_["id"]
    assert document_["id"] in drp("show", path).stdout.decode()
    lines = [json.loads(line) for line in drp("show", path, "--tree", "--json").stdout.splitlines()]
    assert len(lines) == document_["entries"]
    assert {line["kind"] for line in lines} >= {"file", "directory", "symlink", "fifo", "socket"}
    text = drp("show", path, "--tree").stdout
    assert len(text.splitlines()) == document_["entries"]  # no name breaks a line
    assert b"\x1b" not in text
    assert "\u202e" not in text.decode()


def test_verify_clean_and_damaged(made, tmp_path):
    tree, path, _ = made
    twin = copy(tree, tmp_path / "twin")
    clean = document(drp("verify", twin, "--manifest", path, "--json"))
    assert clean["clean"] is True
    assert b"as recorded" in drp("verify", twin, "-m", path).stdout
    write(twin / "ordinary" / "exact", b"other")
    (twin / "empty").unlink()
    damaged = document(drp("verify", twin, "-m", path, "--json", exit_status=1))
    assert damaged["counts"] == {"changed": 1, "metadata": 1, "missing": 1}
    text = drp("verify", twin, "-m", path, exit_status=1).stdout.decode()
    assert "ordinary/exact" in text
    assert "1 missing" in text


@pytest.mark.parametrize("device", ["auto", "spinning", "ssd", "network", "memory"])
def test_ways_of_reading(made, tmp_path, device):
    tree = made[0]
    drp("create", tree, "-o", tmp_path / "m", "--strict", "--device", device)
    result = document(drp("verify", tree, "-m", tmp_path / "m", "--strict", "--device", device, "--json"))
    assert result["clean"]
    drp("verify", tree, "-m", tmp_path / "m", "--device", "tape", exit_status=2)


@pytest.mark.parametrize("core", ["pure", "native"])
def test_the_core_can_be_chosen(made, tmp_path, core):
    tree = made[0]
    drp("create", tree, "-o", tmp_path / "m", "--core", core)
    shown = document(drp("show", tmp_path / "m", "--json"))
    assert f"drp, {core}" in shown["tool"]
    result = document(drp("verify", tree, "-m", tmp_path / "m", "--core", core, "--json"))
    assert (result["clean"], result["core"].split()[0]) == (True, core)
    drp("verify", tree, "-m", tmp_path / "m", "--core", "fast", exit_status=2)


def test_verify_samples(made):
    tree, path, _ = made
    result = document(drp("verify", tree, "-m", path, "--sample", "50%", "--seed", "s", "--json"))
    assert result["sampled_files"] == result["files_hashed"]
    assert "seed s" in result["statement"]
    assert result["statement"] in drp("verify", tree, "-m", path, "--sample", "50%", "--seed", "s").stdout.decode()


def test_rotation_with_a_ledger(made, tmp_path):
    tree, path, document_ = made
    first = ("verify", tree, "-m", path, "--sample", "1/2", "--ledger", tmp_path / "l", "--json")
    told = [document(drp(*first)), document(drp("verify", tree, "-m", path, "--ledger", tmp_path / "l", "--json"))]
    assert sum(one["files_hashed"] for one in told) == document_["files"]
    assert [(one["covered_turns"], one["rotation"]) for one in told] == [(1, 2), (2, 2)]
    text = drp("verify", tree, "-m", path, "--ledger", tmp_path / "l").stdout.decode()
    assert "2 of 2 turns of the rotation are taken" in text


def test_diff(made, tmp_path):
    tree, path, _ = made
    drp("diff", path, path)
    twin = copy(tree, tmp_path / "twin")
    write(twin / "added", b"")
    drp("create", twin, "-o", tmp_path / "m2", "--algorithm", "both")
    result = document(drp("diff", path, tmp_path / "m2", "--json", exit_status=1))
    assert result["counts"] == {"unexpected": 1}
    assert drp("diff", path, tmp_path / "m2", exit_status=1).stdout == b"+ unexpected added\n"


def test_prove_and_check(made, tmp_path):
    tree, path, document_ = made
    drp("prove", path, "ordinary/exact", "-o", tmp_path / "proof")
    root = document_["merkle_root"]
    done = drp("check-proof", tmp_path / "proof", "--root", root, "--file", tree / "ordinary" / "exact", "--json")
    assert document(done)["entry"]["path"] == "ordinary/exact"
    drp("check-proof", tmp_path / "proof", "--root", "00" * 32, exit_status=14)
    drp("check-proof", tmp_path / "proof", "--file", tree / "ordinary" / "large", exit_status=14)
    drp("prove", path, "absent", exit_status=10)
    (tmp_path / "proof").write_text("[]")
    drp("check-proof", tmp_path / "proof", exit_status=14)
    drp("check-proof", tmp_path / "nowhere", exit_status=2)


@pytest.mark.parametrize(("form", "tool"), [("b3sum", ["b3sum", "--check"]), ("sha256sum", ["sha256sum", "--check"])])
def test_export_checks_out_with_the_real_tool(tmp_path, form, tool):
    tree = hostile(tmp_path / "tree")
    if form == "b3sum":  # it refuses names that are not UTF-8
        os.unlink(os.fsencode(tree) + b"/\xff\xfe")
        os.unlink(os.fsencode(tree) + b"/dir\n\xff/inside")
    drp("create", tree, "-o", tmp_path / "m", "--algorithm", "both")
    drp("export", tmp_path / "m", "--format", form, "-o", tmp_path / "sums")
    subprocess.run([*tool, "--quiet", str(tmp_path / "sums")], cwd=tree, check=True)
    write(tree / "empty", b"x")
    assert subprocess.run(
        [*tool, "--quiet", str(tmp_path / "sums")], cwd=tree, check=False, capture_output=True
    ).returncode


def test_into_a_directory_of_manifests(made, tmp_path):
    tree, _, _ = made
    result = document(drp("create", tree, "--into", tmp_path / "kept", "--application", "ehr", "--json"))
    assert result["path"] == str(tmp_path / "kept" / "ehr" / f"{result['id']}.drpm")
    assert sorted(os.listdir(tmp_path / "kept")) == ["ehr"]


def test_usage_errors(made, tmp_path):
    tree, path, _ = made
    drp("create", tree, exit_status=2)
    drp("create", tree, "-o", tmp_path / "x", "--facts", tmp_path / "absent", exit_status=2)
    drp("verify", tree, "-m", path, "--sample", "2%%", exit_status=2)
    drp("verify", tree, "-m", path, "--seed", "s", exit_status=2)
    drp("verify", tree, "-m", path, "--max-rate", "fast", exit_status=2)
    drp("verify", tree, "-m", path, "--sample", "1/3", exit_status=2)
    drp("create", tmp_path / "absent", "-o", tmp_path / "x", exit_status=10)
    drp("verify", tree, "-m", tmp_path / "absent", exit_status=10)
    drp("export", path, "--format", "tar", exit_status=2)


def test_interrupted_and_gone_on(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(400):
        directory = tree / f"directory-{number // 20}"
        directory.mkdir(exist_ok=True)
        write(directory / f"file-{number}", bytes(60_000))
    drp("create", tree, "-o", tmp_path / "m")
    command = ["verify", tree, "-m", tmp_path / "m", "--checkpoint", tmp_path / "c", "--workers", "1"]
    process = subprocess.Popen([*DRP, "manifest", *map(str, command), "--max-rate", "4M"], stderr=subprocess.PIPE)
    assert eventually((tmp_path / "c").exists)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert b"--checkpoint" in told
    result = document(drp(*command, "--json"))
    assert result["clean"]
    assert result["files_hashed"] == 400


def test_live_line_on_a_terminal_and_json_in_a_pipe(tmp_path):
    tree = ordinary(tmp_path / "tree")
    drp("create", tree, "-o", tmp_path / "m")
    command = ["verify", str(tree), "-m", str(tmp_path / "m"), "--workers", "1", "--max-rate", "5M"]
    line = shlex.join([*DRP, "manifest", *command])
    done = subprocess.run(["script", "-qec", line, "/dev/null"], capture_output=True, check=True, timeout=60)
    drawn = [part for part in done.stdout.decode().split("\r\x1b[K") if "%" in part]
    assert len(drawn) > 2
    assert any("files/s" in part and "left" in part for part in drawn)
    assert "as recorded" in done.stdout.decode()
    assert drp(*command).stderr == b""  # less than ten seconds


def test_unreadable_alone_is_inconclusive(made, tmp_path, unprivileged):
    tree = made[0]
    twin = copy(tree / "ordinary", tmp_path / "twin")
    drp("create", twin, "-o", tmp_path / "m")
    (twin / "d0" / "e0" / "f0000").chmod(0o000)
    drp("create", twin, "-o", tmp_path / "m")
    done = unprivileged(_run, ["verify", str(twin), "-m", str(tmp_path / "m"), "--json"])
    assert done[0] == 3
    assert json.loads(done[1])["counts"] == {"unreadable": 1}
    done = unprivileged(_run, ["create", str(twin), "-o", str(tmp_path / "m2"), "--json"])
    assert done[0] == 3
    assert json.loads(done[1])["errors"] == 1


def _run(arguments: list[str]) -> tuple[int, bytes]:
    done = subprocess.run([*DRP, "manifest", *arguments], capture_output=True, check=False)
    return done.returncode, done.stdout


def test_a_sample_of_no_file_proves_nothing(tmp_path):
    (tmp_path / "tree" / "empty").mkdir(parents=True)
    (tmp_path / "tree" / "link").symlink_to("empty")
    drp("create", tmp_path / "tree", "-o", tmp_path / "m")
    done = drp("verify", tmp_path / "tree", "-m", tmp_path / "m", "--sample", "50%", "--json", exit_status=3)
    assert json.loads(done.stdout)["clean"] is False
    done = drp("verify", tmp_path / "tree", "-m", tmp_path / "m", "--sample", "1/7", "--seed", "s", exit_status=3)
    assert b"nothing was looked at" in done.stderr
    assert b"as recorded" not in done.stdout
    drp("verify", tmp_path / "tree", "-m", tmp_path / "m")
