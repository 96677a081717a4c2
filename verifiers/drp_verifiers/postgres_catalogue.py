"""Whether a PostgreSQL server still is one: its catalogue compared with that of a new cluster of the same version.

Who could write the catalogue decides what ``count(*)`` answers. So this is asked before anything else, and where it
does not hold, nothing else that this server says counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from drp.domain.check import CheckResult, Execution, Expectation
from drp.domain.phrase import Phrase, counted, fact, joined, say
from drp.domain.restored_code import RestoredCode
from drp.domain.visible import one_line
from drp_verifiers.amounts import listed
from drp_verifiers.definitions import as_mapping
from drp_verifiers.inside import Answer, ask, texts_of
from drp_verifiers.postgres_said import said
from drp_verifiers.postgres_session import Session, trouble_of
from drp_verifiers.statements import Trouble, failed, passed, undetermined

CHECK = "catalogue"
STATEMENT = fact(
    "server-s-own-functions",
    "the server's own functions, operators, types and views are those of a new server of its version",
)
_EXPECTED = fact(
    "as-new-cluster-has-it",
    "as a new cluster has it: name what production added on purpose in `accepted_in_catalogue`",
)
_LONGEST = 400
FOLDERS = ("pg", "base")
"""Where the shipped runbooks look for a data directory when nothing is said."""
_RUNNING_FOLDER = "/data/postgres"
"""Where the runbook makes a server for dumps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What was found of it."""

    result: CheckResult
    altered: bool = False
    """Something in it is not the server's own: what this server answers counts for nothing."""
    code: tuple[RestoredCode, ...] = ()


def compare(session: Session, *, version: int, binaries: str, data: Sequence[str]) -> Answer:
    """Return how the catalogue of every database that takes connections differs from a new one. Raises NoAnswer."""
    settings = f"{session.settings(read_only=True)} -c search_path=pg_catalog -c enable_indexscan=off"
    request = {
        "version": version,
        "programs": binaries,
        "clients": session.binaries,
        "seconds": session.timeout_seconds,
        "database": session.connection.database,
        "data": list(data),
        "environment": session.environment(settings),
    }
    return ask(session.target, "postgres_catalogue", request, timeout_seconds=session.timeout_seconds)


def look(session: Session, *, version: int, binaries: str, accepted: Sequence[str], data: Sequence[str]) -> Catalogue:
    """Judge the catalogue of every database that takes connections. Raises NoAnswer."""
    answer = compare(session, version=version, binaries=binaries, data=data)
    if answer.trouble is not None:
        return Catalogue(result=answer.trouble.result(CHECK, STATEMENT))
    if lacking := said(answer.data.get("lacking")):
        return Catalogue(result=undetermined(CHECK, STATEMENT, observed=lacking, basis="content"))
    databases = {name: as_mapping(told) for name, told in as_mapping(answer.data.get("databases")).items()}
    code = tuple(piece for told in databases.values() for piece in _code(told.get("code")))
    judged = _judged(databases, accepted, code)
    for told in (*databases.values(), answer.data):
        if not judged.altered and (silent := _silence(told.get("silent"))) is not None:
            return Catalogue(result=silent.result(CHECK, STATEMENT), code=code)
    return judged


def _silence(told: object) -> Trouble | None:
    """Return why a server did not say what its catalogue holds: the words of psql, or ours about its answer."""
    match told:
        case None | "":
            return None
        case ["psql", str(words)]:
            return trouble_of(Execution(exit_code=1, stdout=b"", stderr=words.encode()))
        case _:
            return Trouble(outcome="undetermined", reason=said(told))


def data_folders(expectation: Expectation) -> tuple[str, ...]:
    """Return where the server's files may be, by the runbook's inputs and its defaults; in none of them: as it says."""
    if expectation.inputs.get("dumps"):
        return (_RUNNING_FOLDER,)
    named = expectation.inputs.get("data_directory")
    names = (named,) if isinstance(named, str) and named else FOLDERS
    return tuple(f"{expectation.restored_root}/{name}" for name in names)


def _judged(
    databases: Mapping[str, Mapping[str, object]], accepted: Sequence[str], code: tuple[RestoredCode, ...]
) -> Catalogue:
    wrong: list[Phrase] = []
    known: list[Phrase] = []
    unseen: list[Phrase] = []
    for name, told in databases.items():
        differences = told.get("differences")
        for difference in differences if isinstance(differences, list) else []:
            match difference:
                case [str(what), str(was), str(is_now)]:
                    words = departure(what, was, is_now)
                    of = say("{database}: {departure}", database=name, departure=words)
                    (known if any(fnmatchcase(what, pattern) for pattern in accepted) else wrong).append(of)
                case _:
                    unseen.append(
                        fact("comparison-not-understood", "{database}: the comparison is not understood", database=name)
                    )
        unseen += _unseen(name, told)
    if wrong:
        result = failed(CHECK, STATEMENT, observed=listed(wrong), expected=_EXPECTED, basis="content")
        return Catalogue(result=result, altered=True, code=code)
    if unseen or not databases:
        return Catalogue(result=undetermined(CHECK, STATEMENT, observed=listed(unseen), basis="content"), code=code)
    observed = counted(
        "databases-same-as-new",
        "{n} database, the same as new",
        "{n} databases, all the same as new",
        len(databases),
    )
    if known:
        observed = joined((observed, fact("departures-accepted", "accepted: {known}", known=listed(known))))
    return Catalogue(result=passed(CHECK, STATEMENT, observed=observed, basis="content"), code=code)


def departure(what: str, was: str, is_now: str) -> Phrase:
    """Return how one thing of a catalogue departs from a new cluster's, as the program inside tells it."""
    match was, is_now:
        case "there", "missing":
            return fact("catalogue-lacks", "{what}: missing, should be there", what=one_line(what, _LONGEST))
        case "none", "added":
            return fact("catalogue-has-more", "{what}: added, should be none", what=one_line(what, _LONGEST))
    told = {"what": what, "is_now": is_now, "was": was}
    data = {name: one_line(text, _LONGEST) for name, text in told.items()}
    return fact("catalogue-departs", "{what}: {is_now}, should be {was}", **data)


def _unseen(name: str, told: Mapping[str, object]) -> Iterator[Phrase]:
    """Yield what could not be compared of a database."""
    unknown = told.get("unknown")
    for one in unknown if isinstance(unknown, list) else []:
        yield fact("catalogue-not-comparable", "{database}: {why}", database=name, why=said(one))
    if (types := told.get("types")) != "read":
        yield fact(
            "types-not-read", "{database}: the file of its types was not read: {why}", database=name, why=said(types)
        )
    for file in texts_of(told, "libraries"):
        if outside(file):
            yield fact(
                "functions-loaded-from",
                "{database}: functions are loaded from {file}",
                database=name,
                file=one_line(file, _LONGEST),
            )


def outside(library: str) -> bool:
    """Return whether a library is not one of the server's own folder of libraries."""
    inner = library.removeprefix("$libdir/")
    return "/" in inner


def _code(value: object) -> list[RestoredCode]:
    pairs = value if isinstance(value, list) else []
    return [
        RestoredCode(name=one_line(pair[0], _LONGEST), digest=pair[1])
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], str)
    ]
