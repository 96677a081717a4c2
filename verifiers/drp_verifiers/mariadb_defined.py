"""Compares the objects of a restored MariaDB, and how they are defined, with the facts of its backup. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import Phrase, fact, joined, say
from drp.domain.terms import NONE
from drp_verifiers.amounts import listed
from drp_verifiers.clinical import whole_numbers
from drp_verifiers.definitions import EARLIER, as_mapping, differences
from drp_verifiers.kinds import kind_words
from drp_verifiers.mariadb_census import Census
from drp_verifiers.mariadb_objects import ADVISORY, SHARED
from drp_verifiers.statements import failed, passed, undetermined

Answer = CheckResult | NotJudged


def objects(name: str, census: Census, facts: Mapping[str, object], *, accounts_elsewhere: bool) -> Iterator[Answer]:
    """Yield whether every object of the facts is there, of the database and of what it needs of its server."""
    for check, statement, shared in (
        ("objects", _every_object(name), False),
        ("accounts", _every_account(name), True),
    ):
        if shared and accounts_elsewhere:
            yield NotJudged(
                part=say("accounts and grants, {name}", name=name),
                why=fact("declared-made-elsewhere", "declared to be made elsewhere"),
            )
            continue
        if shared and _without_accounts(census, facts):
            why = fact(
                "none-production-s-accounts",
                "none of production's accounts is here: a dump of databases alone leaves them out",
            )
            yield NotJudged(part=say("accounts and grants, {name}", name=name), why=why)
            continue
        yield from _of(check, statement, name, census, facts, shared=shared)


def _every_object(name: str) -> Phrase:
    return fact(
        "every-object-besides-rows",
        "every object of {database} besides rows is there, and as it was defined at backup time",
        database=name,
    )


def _every_account(name: str) -> Phrase:
    return fact(
        "every-object-of-server-needed",
        "every object of the server that {database} needs (accounts, grants, functions) is there, and as it was "
        "defined at backup time",
        database=name,
    )


def _without_accounts(census: Census, facts: Mapping[str, object]) -> bool:
    """Return whether no account came back: then they are made elsewhere. Where some did, the others are lost."""
    wanted = as_mapping(as_mapping(facts.get("definitions")).get("accounts"))
    return bool(wanted) and not wanted.keys() & census.objects.get("accounts", {}).keys()


def _of(
    check: str, statement: Phrase, name: str, census: Census, facts: Mapping[str, object], *, shared: bool
) -> Iterator[Answer]:
    wanted = facts.get("definitions")
    here = {kind for kind in census.objects if (kind in SHARED) is shared}
    if not isinstance(wanted, Mapping):
        yield from _counted_only(check, statement, census, facts, here)
        return
    same = str(facts.get("version", "")).split(".")[:2] == census.version.split(".")[:2]
    hidden = facts.get("hidden")
    unseen = set(hidden) if isinstance(hidden, list) else set()
    lost: list[Phrase] = []
    unasked: list[Phrase] = []
    kinds = sorted(kind for kind in {*wanted, *here, *census.unread} if (kind in SHARED) is shared)
    for kind in kinds:
        if kind in unseen:
            yield NotJudged(
                part=say("{kind}, {name}", kind=kind_words(kind), name=name),
                why=fact("whoever-made-facts-may", "whoever made the facts may not see them"),
            )
        elif kind in census.unread:
            unasked.append(_of_kind(kind, census.unread[kind].reason))
        elif kind not in wanted:
            unasked += [_of_kind(kind, fact("kind-not-in-facts", "not in the facts"))] if census.objects[kind] else []
        else:
            told = list(differences(kind, as_mapping(wanted[kind]), census.objects.get(kind, {}), compared=same))
            if told and kind in ADVISORY:
                yield NotJudged(part=say("{kind}, {name}", kind=kind_words(kind), name=name), why=joined(told))
            else:
                lost += told
    if not same:
        yield NotJudged(
            part=say("definitions of {kind}, {name}", kind=kind_words(check), name=name),
            why=fact("facts-another-version-server", "the facts are of another version of the server"),
        )
    if lost:
        expected = fact("as-facts", "as in the facts")
        yield failed(check, statement, observed=listed(lost), expected=expected, basis="content")
    elif unasked:
        yield undetermined(check, statement, observed=listed(unasked), basis="content")
    else:
        yield passed(check, statement, observed=_numbers(census, kinds), basis="content" if same else "counted")


def _numbers(census: Census, kinds: Sequence[str]) -> Phrase:
    """Return how many objects of each class there are."""
    found = [
        say("{kind} {n}", kind=kind_words(kind), n=census.counts[kind]) for kind in kinds if census.counts.get(kind)
    ]
    return joined(found, ", ") or NONE


def _of_kind(kind: str, why: Phrase) -> Phrase:
    return fact("kind-with-why", "{kind}: {why}", kind=kind_words(kind), why=why)


def _counted_only(
    check: str, statement: Phrase, census: Census, facts: Mapping[str, object], here: set[str]
) -> Iterator[CheckResult]:
    """Judge objects by facts of an earlier drp, which counted some classes and knew no definitions."""
    off = [
        fact(
            "objects-fewer",
            "{kind}: {found}, had {wanted}",
            kind=kind_words(kind),
            found=len(census.objects.get(kind, {})),
            wanted=had,
        )
        for kind, had in sorted(whole_numbers(facts.get("objects")).items())
        if kind in here and len(census.objects[kind]) < had
    ]
    if off:
        yield failed(check, statement, observed=joined(off), expected=fact("as-many", "as many"), basis="counted")
    elif any(census.objects[kind] for kind in here):
        yield undetermined(check, statement, observed=EARLIER, basis="content")
