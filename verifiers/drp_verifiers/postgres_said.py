"""Words for what the programs inside answer about a PostgreSQL: they say codes and data."""

from __future__ import annotations

from drp.domain.phrase import Phrase, Size, fact, quoted
from drp.domain.visible import one_line

_LONGEST = 400
_PLAIN = {
    "not-a-copy": fact("answer-no-copy", "the answer is no COPY"),
    "breaks-off": fact("answer-breaks-off", "the answer breaks off"),
    "number-none": fact("object-number-none", "a number of an object is none"),
    "list-none": fact("object-list-none", "a list of objects is none"),
    "map-form": fact("filenode-map-form", "pg_filenode.map is of another form"),
    "map-no-types": fact("filenode-map-no-types", "pg_filenode.map does not name the table of types"),
    "types-too-large": fact("types-too-large", "the table of types is too large to be read by itself"),
    "elsewhere": fact("part-of-data-elsewhere", "a part of it (a tablespace, the log) lies elsewhere"),
    "recovery-too-long": fact("cold-recovery-too-long", "its recovery took too long"),
    "several-lines": fact("table-name-several-lines", "the name of a table has several lines"),
    "no-pg-restore": fact("no-pg-restore", "there is no pg_restore where checks read"),
    "says-nothing": fact("dump-says-nothing", "it does not say what it holds"),
    "tables-unnamed": fact("catalogue-tables-unnamed", "the tables of the catalogue cannot be named"),
    "too-long": fact("catalogue-took-too-long", "reading it took longer than the check may take"),
}
"""What is said without data."""


def said(told: object) -> Phrase:
    """Return the words for what a program said; what is none of its codes is quoted. Empty for nothing."""
    match told:
        case None | "":
            return quoted("")
        case ["psql" | "words", str(words)]:
            return quoted(_short(words))
        case ["psql-ended", int(code)]:
            return fact("psql-ended-with", "psql ended with {exit_code}", exit_code=str(code))
        case ["extension", str(name), str(version), why]:
            return fact(
                "extension-not-made", "{extension} {version}: {why}", extension=name, version=version, why=said(why)
            )
        case [str(code)] if code in _PLAIN:
            return _PLAIN[code]
        case [str(code), *data]:
            return _of_a_cluster(code, data) or _of_files(code, data) or _of_dumps(code, data) or _other(told)
        case _:
            return _other(told)


def _other(told: object) -> Phrase:
    return quoted(_short(str(told)))


def _short(text: object) -> str:
    return one_line(str(text), _LONGEST)


def _of_a_cluster(code: str, data: list[object]) -> Phrase | None:
    """Return why there is no new cluster to compare with."""
    match code, data:
        case "no-programs", [version]:
            return fact(
                "no-programs-of-postgres",
                "the server programs of PostgreSQL {version} are not where checks run",
                version=str(version),
            )
        case "no-room", [words]:
            return fact("no-room-for-cluster", "there is no room for a new cluster: {why}", why=_short(words))
        case "not-made", [words]:
            return fact("new-cluster-not-made", "a new cluster could not be made: {why}", why=_short(words))
        case "not-read", [list(inner)]:
            return fact("new-cluster-not-read", "a new cluster could not be read: {why}", why=said(inner))
        case "not-read", [words]:
            return fact("new-cluster-not-read", "a new cluster could not be read: {why}", why=_short(words))
    return None


def _of_files(code: str, data: list[object]) -> Phrase | None:
    """Return why the files of a server could not be read by themselves."""
    match code, data:
        case "file", [str(name), why]:
            return fact("server-file-unread", "{file}: {why}", file=_short(name), why=_short(why))
        case "no-file", [str(name)]:
            return fact("server-file-is-none", "{file} is no file", file=_short(name))
        case "larger", [int(size)]:
            return fact("no-room-for-copy", "its {size} are larger than the room for a copy", size=Size(size))
        case "server-ended", [int(ended)]:
            return fact("cold-server-ended", "the server ended with {exit_code}", exit_code=str(ended))
        case "files", [words]:
            return fact("server-files-unread", "its files cannot be read: {why}", why=_short(words))
    return None


def _of_dumps(code: str, data: list[object]) -> Phrase | None:
    """Return what is wrong with a dump, or keeps it from being read."""
    match code, data:
        case "folder", [words]:
            return fact("dump-folder-unread", "the folder of dumps cannot be read: {why}", why=_short(words))
        case "pg-restore-ended", [int(ended)]:
            return fact("pg-restore-ended", "pg_restore ended with {exit_code}", exit_code=str(ended))
        case "no-end", [str(table)]:
            return fact("dump-rows-no-end", "the rows of {table} do not end", table=_short(table))
        case "line", [str(line)]:
            return quoted(_short(line))
        case "contents", [int(found), int(listed)]:
            return fact(
                "dump-contents-differ",
                "{found} tables have rows, its contents list {listed}",
                found=found,
                listed=listed,
            )
        case "twice", [str(table)]:
            return fact("dump-rows-twice", "the rows of {table} come twice", table=_short(table))
    return None
