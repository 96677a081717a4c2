"""A repository behind a REST server: looked at with short limits before restic, which would go on asking."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.recovery_point import Immutability, RecoveryPoint
from drp.domain.repository import WaitLimits
from drp.domain.restore import CellSecret
from drp.errors import RepositoryError
from drp.redact import remember
from drp.repositories.kind import Resolve
from drp.repositories.locations.rest.connection import Credentials, RestConnection, resolve_credentials
from drp.repositories.locations.rest.location import RestLocation
from drp.repositories.locations.rest.reader import RestReader
from drp.repositories.restic.backend import ADDRESS_VARIABLE, CellAccess, Condition, missing_parts

ADDRESS = "address"
"""Name of the cell secret that holds the repository's address."""
CA_INSIDE = "/run/base/repository-ca.pem"
_DISK = say("a REST server: whoever has its disk, or starts it anew, can delete every recovery point")


class RestBackend:
    """A restic repository behind a REST server."""

    object_lock = False
    air_gapped = False

    def __init__(self, name: str, location: RestLocation, resolve: Resolve, limits: WaitLimits) -> None:
        """Take the repository's name, its location, how to resolve credentials, and the time limits."""
        self._name, self._location, self._resolve, self._limits = name, location, resolve, limits

    @cached_property
    def _reader(self) -> RestReader:
        return RestReader(self._name, RestConnection(self._name, self._location, lambda: self._known, self._limits))

    @cached_property
    def _known(self) -> Credentials | None:
        return resolve_credentials(self._location.user, self._location.password, self._resolve)

    @property
    def clock_ahead_ms(self) -> int | None:
        """By how much this machine's clock was ahead of the server's when it last answered."""
        return self._reader.connection.clock_ahead_ms

    def look(self) -> Condition:
        """Return what is there, in three requests. Raises ``Unreachable`` or ``AccessDenied`` within seconds."""
        keys = dict(self._reader.names("keys"))
        points = dict(self._reader.names("snapshots"))
        config = self._reader.exists("config")
        if not config and not keys and not points:
            raise RepositoryError(
                say(
                    "repository {name} is not there: no repository at {where}",
                    name=self._name,
                    where=self._location.shown,
                )
            )
        return Condition(
            snapshots=frozenset(points),
            marks=frozenset(f"{name} {size}" for name, size in (*keys.items(), *points.items())),
            broken=missing_parts(config=config, keys=bool(keys)),
        )

    def lock_names(self) -> frozenset[str]:
        """Return the names of the locks that are there."""
        return frozenset(name for name, _ in self._reader.names("locks"))

    def explain_refusal(self) -> Phrase:
        """A server keeps no older versions that could tell."""
        return NOTHING

    def immutability(self, point: RecoveryPoint) -> Immutability:
        """Return what is declared: the protocol has no words for what a server would refuse."""
        del point
        if not self._location.append_only:
            unseen = say("nobody said that it is append-only, and that is not to be seen")
            return Immutability(mode="none", provenance="observed", remarks=(_DISK, unseen))
        unseen = say("that it is append-only is declared, and not to be seen: probe it")
        return Immutability(mode="governance", provenance="declared", remarks=(_DISK, unseen))

    def host_arguments(self) -> tuple[str, ...]:
        """Return restic's arguments on this machine; the address holds what is secret, and is no argument."""
        ca = self._location.ca_file
        return ("--cacert", str(ca)) if ca is not None else ()

    def host_secrets(self) -> Mapping[str, str]:
        """Return the address, for a memfd."""
        (secret,) = self.secrets()
        address = secret.rendered(self._resolve)
        remember(address)
        if self._location.password is not None:
            remember(self._resolve(self._location.password))
        return {ADDRESS_VARIABLE: address}

    def cell(self) -> CellAccess:
        """Return that the cell reaches the server, with the CA's certificates beside it."""
        ca, address = self._location.ca_file, self._location.address
        return CellAccess(
            repository="",
            options=("--cacert", CA_INSIDE) if ca else (),
            read_only_binds={str(ca.resolve()): CA_INSIDE} if ca else {},
            endpoint=(address.host, address.port),
            secrets={ADDRESS_VARIABLE: ADDRESS},
        )

    def secrets(self) -> tuple[CellSecret, ...]:
        """Return the address with what it takes to be let in, by reference."""
        place = self._location
        scheme, _, rest = place.shown.partition("://")
        if place.user is None or place.password is None:
            return (CellSecret(name=ADDRESS, template=f"rest:{_plain(place.shown)}", references=()),)
        template = f"rest:{scheme}://{{0:address}}:{{1:address}}@{_plain(rest)}"
        return (CellSecret(name=ADDRESS, template=template, references=(place.user, place.password)),)


def _plain(text: str) -> str:
    """Return a text that stands for itself in a template."""
    return text.replace("{", "{{").replace("}", "}}")
