"""Dumps of a real MariaDB in every form: which are whole, which break off, which cannot be told, and what lies beside them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.hospital.mariadb import MariaDB, served
from tests.hospital.processes import run
from tests.support.role_programs import load

pytestmark = [pytest.mark.real, pytest.mark.slow]

client, dumps = load("mariadb", "client", "dumps")
FORMS = {
    "plain": ("--master-data=2", "ris"),
    "without-comments": ("--skip-comments", "ris"),
    "compact": ("--compact", "ris"),
    "gtid": ("--master-data=2", "--gtid", "--databases", "ris"),
    "databases": ("--databases", "ris", "lab"),
    "all": ("--all-databases", "--events", "--master-data=2"),
    "local-time": ("--skip-tz-utc", "ris"),
    "lab": ("--master-data=2", "lab"),
}


@pytest.fixture(scope="module")
def made(hospital_folder: Path) -> Path:
    kept = hospital_folder / "dump-forms"
    kept.mkdir()
    kept.chmod(0o777)
    with served(hospital_folder / "dumping") as server:
        server.sql("create database ris; create table ris.exam (id int primary key, at timestamp, name text)")
        server.sql(
            "insert into ris.exam select seq, now(), '\\n-- Dump completed\\nCREATE TABLE `x`;' from seq_1_to_500",
            "ris",
        )
        server.sql(
            "create database lab; create table lab.sample (id int primary key); insert into lab.sample values (1)"
        )
        for name, words in FORMS.items():
            dump(server, kept / f"{name}.sql", *words)
        server.sql("insert into lab.sample values (2)")
        dump(server, kept / "later.sql", "--master-data=2", "lab")
        tab = kept / "tab"
        tab.mkdir()
        tab.chmod(0o777)
        dump(server, kept / "tab.sql", f"--tab={tab}", "ris")
        (kept / "tab.sql").unlink()
    return kept


def dump(server: MariaDB, path: Path, *words: str) -> None:
    run([*server.client("mariadb-dump"), "--single-transaction", *words], user=server.user, output=path)


def read(path: Path, default: str = "") -> Any:
    return dumps.read(path, default)


def test_each_form_says_what_it_is_of_and_whether_it_is_whole(made: Path) -> None:
    found = {name: read(made / f"{name}.sql") for name in FORMS}
    assert {name for name, each in found.items() if not each.whole} == {"compact"}, "only that one cannot be told"
    assert {name for name, each in found.items() if not each.zone} == {"local-time"}
    named = {name: each.database or ",".join(each.databases) for name, each in found.items()}
    assert named == {
        "plain": "ris", "without-comments": "without-comments", "compact": "compact", "gtid": "ris",
        "databases": "ris,lab", "all": "lab,mysql,ris", "local-time": "ris", "lab": "lab",
    }  # fmt: skip
    assert read(made / "compact.sql", "ris").database == "ris"
    assert found["plain"].position == found["gtid"].position == found["all"].position
    assert found["plain"].gtid == found["gtid"].gtid != ""
    assert found["without-comments"].position is None
    assert found["plain"].tables == {("ris", "exam")}, "what stands in rows is no table"


@pytest.mark.parametrize("name", ["plain", "without-comments", "gtid", "databases"])
def test_a_dump_that_breaks_off_is_refused_wherever_it_does(made: Path, tmp_path: Path, name: str) -> None:
    content = (made / f"{name}.sql").read_bytes()
    path = tmp_path / f"{name}.sql"
    for part in (0.3, 0.6, 0.9, 0.99):
        path.write_bytes(content[: int(len(content) * part)])
        with pytest.raises(client.Failure, match="breaks off"):
            read(path)
    path.write_bytes(content[: content.rindex(b");\n") + 3])
    with pytest.raises(client.Failure, match="breaks off"):
        read(path)


def test_a_dump_that_says_nothing_is_damaged_only_in_the_middle_of_a_statement(made: Path, tmp_path: Path) -> None:
    content = (made / "compact.sql").read_bytes()
    path = tmp_path / "ris.sql"
    path.write_bytes(content[: len(content) - 20])
    with pytest.raises(client.Failure, match="in the middle of a statement"):
        read(path)
    path.write_bytes(content[: content.index(b";\n", len(content) // 3) + 2] if content.count(b";\n") > 6 else content)
    found = read(path)
    notices = client.Notices()
    dumps.tell([found], notices)
    ((kind, observed),) = [(each["kind"], each["observed"]) for each in notices.told()]
    assert (kind, "whether it is whole" in observed) == ("unused", True)


def test_packed_dumps_are_read_and_damaged_ones_named(made: Path, tmp_path: Path) -> None:
    content = (made / "plain.sql").read_bytes()
    for pack, suffix in ((gzip.compress, "gz"), (bz2.compress, "bz2"), (lzma.compress, "xz")):
        path = tmp_path / f"ris.sql.{suffix}"
        path.write_bytes(pack(content))
        assert read(path).whole
        path.write_bytes(pack(content)[:-9])
        with pytest.raises(client.Failure, match="is damaged"):
            read(path)


def told(folder: Path) -> tuple[list[str], set[tuple[str, str]]]:
    notices = client.Notices()
    names = [path.name for path in dumps.listed(folder, notices)]
    return names, {(each["kind"], each["subject"]) for each in notices.told()}


def test_everything_beside_a_dump_is_named(made: Path, tmp_path: Path) -> None:
    for name in ("plain.sql", "compact.sql"):
        shutil.copy(made / name, tmp_path)
    shutil.copytree(made / "tab", tmp_path / "tab")
    (tmp_path / "later.sql.gpg").write_bytes(b"\x85\x02")
    (tmp_path / "ris.sql.part").write_bytes(b"--")
    (tmp_path / "README.md").write_text("nightly")
    (tmp_path / "ris.sql.sha256").write_text("00")
    (tmp_path / "exam.txt").write_text("1\t2")
    (tmp_path / "ris.dump").write_bytes((made / "plain.sql").read_bytes())
    (tmp_path / "latest.sql").symlink_to("plain.sql")
    (tmp_path / "other.sql").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.sql")
    names, found = told(tmp_path)
    assert names == ["compact.sql", "plain.sql"]
    assert found == {
        ("unused", "tab"), ("unused", "later.sql.gpg"), ("unused", "ris.sql.part"), ("unused", "exam.txt"),
        ("unused", "ris.dump"), ("unused", "other.sql"), ("unused", "pipe.sql"),
        ("beside", "README.md"), ("beside", "ris.sql.sha256"), ("beside", "latest.sql"),
    }  # fmt: skip


def test_a_dump_of_another_tool_is_left_to_it(tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text("# Started dump at: 2026-11-21 02:00:00\n")
    (tmp_path / "ris-schema-create.sql").write_text("CREATE DATABASE `ris`;\n")
    with pytest.raises(client.Limit, match="mydumper"):
        told(tmp_path)
    with pytest.raises(client.Failure, match="there is no dump in"):
        told(tmp_path / "absent")
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed/ris.sql.age").write_bytes(b"age")
    with pytest.raises(client.Limit, match=r"nothing in .* can be loaded here: ris\.sql\.age"):
        told(tmp_path / "packed")


def test_dumps_of_one_place_or_of_different_instants_are_not_mixed(made: Path) -> None:
    plain, gtid, lab, later = (read(made / f"{name}.sql") for name in ("plain", "gtid", "lab", "later"))
    dumps.require_one_state([plain, lab])
    with pytest.raises(client.Limit, match=r"both hold ris\.exam"):
        dumps.require_one_state([plain, gtid])
    assert dumps.position_of([plain, lab])[0] == plain.position
    with pytest.raises(client.Failure, match="different places of the binary log"):
        dumps.position_of([plain, later])
    with pytest.raises(client.Failure, match="nowhere"):
        dumps.position_of([plain, read(made / "without-comments.sql")])


def test_dumps_one_after_another_in_a_file_are_each_judged(made: Path, tmp_path: Path) -> None:
    """A script that appends: who loads it sees no border, and the last line speaks for the last dump alone."""
    both = tmp_path / "both.sql"

    def joined(*parts: bytes) -> Any:
        both.write_bytes(b"".join(parts))
        return read(both)

    text = {name: (made / f"{name}.sql").read_bytes() for name in ("gtid", "lab", "later", "plain", "databases")}
    whole = joined(text["gtid"], text["databases"].replace(b"`ris`", b"`pacs`").replace(b"`lab`", b"`hr`"))
    assert (whole.whole, whole.begun, whole.databases) == (True, 2, ["ris", "pacs", "hr"])
    broken = text["gtid"][: text["gtid"].rindex(b"UNLOCK TABLES")]
    with pytest.raises(client.Failure, match="breaks off: of 2 dumps in it, 1 have their last line"):
        joined(broken, text["databases"])
    with pytest.raises(client.Limit, match="holds dumps of 2 databases and does not say where each belongs"):
        joined(text["plain"], text["lab"])
    with pytest.raises(client.Limit, match="holds sample twice"):
        joined(text["lab"], text["later"])
    apart = text["later"].replace(b"`sample`", b"`sent`")
    with pytest.raises(client.Failure, match=r"different places of the binary log.*both\.sql at .* and "):
        dumps.position_of([joined(text["lab"], apart)])
