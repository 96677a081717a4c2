"""The place ``rest``, as drp's registry has it."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

from pydantic import field_validator, model_validator

from drp.config import build
from drp.config.locations import Given
from drp.config.schema import Secret, Strict
from drp.config.values import Text
from drp.domain.phrase import say
from drp.domain.repository import RepositorySettings, WaitLimits
from drp.domain.service_address import ServiceAddress, service_address
from drp.domain.worm.probe import Probe
from drp.errors import UsageError
from drp.repositories.kind import Resolve
from drp.repositories.locations.rest.location import RestLocation
from drp.repositories.locations.stored import StoredObjects
from drp.repositories.restic.backend import Backend
from drp.repositories.restic.settings import ResticSettings


def rest_address(value: str) -> ServiceAddress:
    """Return the address of a repository behind a REST server. Raises ``ValueError``."""
    return service_address(
        value,
        secrets=say("a password: give `user` and `password` as references"),
        cargo=say("backups"),
        hint=say("write it as https://host:port/path"),
        path=True,
    )


class RestLocationFile(Strict):
    """A repository behind a REST server of restic repositories; drp only ever sends GET and HEAD there."""

    url: Text
    """https://host[:port][/path] of the repository; http only on this machine's loopback."""
    user: Secret | None = None
    """Reference to the user's name; left out, with `password`: the server asks for none."""
    password: Secret | None = None
    """Reference to the password of the server, which is not that of the repository."""
    ca_file: Text | None = None
    """Certificates (PEM) that sign the server's; otherwise those that the system trusts."""
    append_only: bool = False
    """Whether the server is started so that it neither deletes nor overwrites: declared, until `--probe` shows it."""

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        rest_address(value)
        return value

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError(say("`user` and `password` belong together: give both or none"))
        return self


class _Rest:
    """A REST server."""

    name = "rest"
    file = RestLocationFile
    meaning = "A REST server of restic repositories, append-only or not."
    is_folder = False
    worm_keys = frozenset({"mode", "probe"})
    address = "https://HOST[:PORT][/PATH]"

    def location(self, said: RestLocationFile, site: Path) -> RestLocation:
        """Return where it is, and where its credentials are read."""
        return RestLocation(
            address=rest_address(said.url),
            user=build.secret(said.user, site) if said.user is not None else None,
            password=build.secret(said.password, site) if said.password is not None else None,
            ca_file=site / said.ca_file if said.ca_file is not None else None,
            append_only=said.append_only,
        )

    def from_address(self, address: str, given: Given) -> dict[str, Any]:
        """Return the repository at ``https://HOST[:PORT][/PATH]``. Raises UsageError."""
        try:
            rest_address(address)
        except ValueError as error:
            raise UsageError(
                say("no REST server is named: rest:… {why}", why=error.args[0]),
                hint=say("name rest:{form}", form=self.address),
            ) from None
        if (given.user_file is None) != (given.secret_file is None):
            raise UsageError(
                say("a user's name without a password, or the other way round"),
                hint=say("--access-key-file FILE for the name and --secret-key-file FILE for the password (chmod 600)"),
            )
        said: dict[str, Any] = {"url": address}
        if given.ca_file is not None:
            said["ca_file"] = str(given.ca_file.absolute())
        if given.user_file is not None and given.secret_file is not None:
            said["user"] = {"file": str(given.user_file.absolute())}
            said["password"] = {"file": str(given.secret_file.absolute())}
        return said

    def restic(self, settings: ResticSettings, resolve: Resolve) -> Backend:
        """Return how restic reaches it."""
        from drp.repositories.locations.rest.backend import RestBackend  # noqa: PLC0415 - only when it is used

        assert isinstance(settings.location, RestLocation)
        return RestBackend(settings.name, settings.location, resolve, settings.limits)

    def stored(self, name: str, location: RestLocation, resolve: Resolve, limits: WaitLimits) -> StoredObjects:
        """Return the objects of a repository there."""
        from drp.repositories.locations.rest import connection  # noqa: PLC0415 - only when it is used
        from drp.repositories.locations.rest.stored import StoredServer  # noqa: PLC0415 - as above

        known = cache(lambda: connection.resolve_credentials(location.user, location.password, resolve))
        return StoredServer(name, connection.RestConnection(name, location, known, limits))

    def probe(self, settings: RepositorySettings, resolve: Resolve, at: datetime) -> Probe:
        """Return what came of the attempts on files of the probe's own. Raises UsageError."""
        from drp.repositories.locations.rest.probing import probe_server  # noqa: PLC0415 - only when it is asked for

        assert isinstance(settings.location, RestLocation)
        return probe_server(settings, settings.location, resolve, at)


REST = _Rest()
