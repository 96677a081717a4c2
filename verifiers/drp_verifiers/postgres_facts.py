"""What the backup job keeps in the manifest about a PostgreSQL server: counts, definitions, next numbers, digests."""

from __future__ import annotations

from drp.domain.phrase import fact, joined
from drp_verifiers.postgres_census import Census, counts_of, take
from drp_verifiers.postgres_objects import OF_THE_SERVER
from drp_verifiers.postgres_server import hiding, server_facts
from drp_verifiers.postgres_session import Session
from drp_verifiers.postgres_use import facts_of as facts_of_use
from drp_verifiers.postgres_use import look
from drp_verifiers.statements import NoAnswer, Trouble

_SHARED = frozenset(one.name for one in OF_THE_SERVER)


def facts(
    session: Session, names: tuple[str, ...], *, snapshot: str = "", digest: bool = False, whole: bool = False
) -> dict[str, object]:
    """Return what every database of the names holds, and with ``whole`` what their server holds beside them.

    Raises NoAnswer also when a single table cannot be read: facts with holes would let holes pass later. Settings that
    hide damage from other sessions are off in these, and told: what others read may be in the buffers unseen.
    """
    found: dict[str, object] = {}
    server = server_facts(session, names[0] if names else session.connection.database)
    cluster: dict[str, object] = {}
    for name in names:
        census = take(session, name, snapshot=snapshot, digest=digest, shared=whole)
        if census.errors or census.missed():
            why = joined(census.errors[:3]) or fact("a-table-cannot-be-read", "a table cannot be read")
            reason = fact("facts-of-database-unread", "database {name}: {why}", name=name, why=why)
            raise NoAnswer(Trouble(outcome="failed", reason=reason))
        found[name] = {**of_database(census), **facts_of_use(look(session, name))}
        shared = {kind: names for kind, names in census.objects.items() if kind in _SHARED}
        cluster = {"objects": counts_of(shared), "definitions": shared}
    hidden = hiding(session, session.connection.database)
    return {
        "postgres": {
            "databases": found,
            "version": server.get("version"),
            **({"cluster": cluster} if whole else {}),
            **({"hidden_from_others": list(hidden)} if hidden else {}),
        }
    }


def of_database(census: Census) -> dict[str, object]:
    """Return the facts of one database."""
    own = {kind: names for kind, names in census.objects.items() if kind not in _SHARED}
    number, size = census.large or (0, 0)
    return {
        "tables": dict(census.tables),
        "unlogged": dict(census.unlogged),
        "materialized": dict(census.materialized),
        "objects": counts_of(own),
        "definitions": own,
        "sequences": dict(census.sequences),
        "large_objects": {
            "counts": {"objects": number, "bytes": size},
            "owners": dict(census.large_owners),
            **({"digest": census.large_digest} if census.large_digest else {}),
        },
        "text": list(census.text or ()),
        **({"digests": dict(census.digests)} if census.digests else {}),
    }
