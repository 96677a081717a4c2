"""Dumps made of odd pieces, loaded by the real client into a real server: what is counted in the text is what came back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hospital.mariadb import MariaDB, served
from tests.hospital.processes import run
from tests.support.role_programs import payload

pytestmark = [pytest.mark.real, pytest.mark.slow]

dump_rows, statements = payload("mariadb_dump_rows", "mariadb_statements")
TRIES = 60
HEAD = "CREATE TABLE t (a int, b varchar(99));\nCREATE TABLE u (a int, b varchar(99));\n"
ROWS = ["(1,'a')", "(2,'it''s')", "(3,'b\\\\')", "(4,'\\';')", '(5,"x\')")', "(6,NULL)", "(7,'/* ')", "(8,'*/')", "(9,'-- ')",
        "(10,0x41)", "(11,'a\nb')", "(12, /* c */ 'x')", "(13,-- c\n'x')", "(14,concat('a','(b'))", "(15,'#')", "(16,(1+1))",
        "(-17,'m')", "(18,'delimiter //')", "(19,'\\\\')", "(20,'`')"]  # fmt: skip
INTO = [
    "INSERT INTO t VALUES ",
    "insert  into\n`u` value",
    "INSERT INTO fz.t (a,b) VALUES",
    "INSERT /* x */ INTO `fz`.`u`VALUES\n",
]
ODD = ["/*!{n} {i} */;\n", "/*M!{n} {i} */;\n", "/* {i}; */\n", "# x'\n", "--x\n;", "/* ' */", "DELIMITER //\n{i}//\n{i};\n//\nDELIMITER ;\n",
       "/*!50000 /* */ {i} */;\n", "/*!999999 /* */ {i}; */;\n", "SET sql_mode='NO_BACKSLASH_ESCAPES';\nINSERT INTO u VALUES (1,'\\');\n",
       "SET @a=''';';\n", "SET sql_mode='ANSI_QUOTES';\n", "set @x=1; {i}; {i};\n", "use fz\n", ";;\n", "\\g\n", "go\n", "exit\n",
       "DROP TABLE IF EXISTS u;\nCREATE TABLE u (a int, b varchar(99) default '(;');\n", "{i}\\G\n", "BEGIN;\n", "COMMIT;\n", "ROLLBACK;\n",
       "-{i};\n", "/*/ {i};*/\n", "{i} delimiter //\n;\n", "  delimiter //\n{i}//\n delimiter ;\n", "SET autocommit=0;\n"]  # fmt: skip
VERSIONS = ["", "40000", "50003", "50700", "100100", "101119", "999999", "1234"]


@pytest.fixture(scope="module")
def server(hospital_folder: Path) -> Iterator[MariaDB]:
    with served(hospital_folder / "followed") as made:
        yield made


def made_of(chance: random.Random) -> str:
    def insert() -> str:
        rows = chance.choice([",", ",\n", " /*x*/ , "]).join(chance.choices(ROWS, k=chance.randint(1, 4)))
        return chance.choice(INTO) + rows

    pieces = [chance.choice(ODD) if chance.random() < 0.4 else "{i};\n" for _ in range(chance.randint(1, 6))]
    return HEAD + "".join(each.replace("{n}", chance.choice(VERSIONS)).replace("{i}", insert()) for each in pieces)


def counted(folder: Path, release: int) -> dict[str, int] | None:
    try:
        answer = dump_rows.count({"folder": str(folder), "database": "", "seconds": 60, "release": release})
    except statements.Odd:
        return None
    found: dict[str, int] = answer["tables"].get("fz", {})
    return None if answer["why"] or answer["uncounted"] else found


def test_what_is_counted_came_back(server: MariaDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, agreed, release = random.Random(7), 0, dump_rows.release_here()
    words = [*server.client("mariadb"), "--batch", "--sandbox", "fz"]
    for number in range(TRIES):
        text = made_of(chance)
        server.sql("create or replace database fz")
        (tmp_path / "fz.sql").write_text(text)
        monkeypatch.setattr(statements, "CHUNK", chance.choice([1 << 20, 7, 64]))
        found = counted(tmp_path, release)
        if found is not None and run(words, user=server.user, stdin=text.encode(), check=False).returncode == 0:
            here = server.sql("select count(*) from t; select count(*) from u", "fz").split()
            assert [str(found["t"]), str(found["u"])] == here, (number, text)
            agreed += 1
    assert agreed >= TRIES // 5
