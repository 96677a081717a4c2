"""Directories, media and buckets, as drp's registry has them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from drp.config import build
from drp.config.locations import Given
from drp.config.schema_repositories import MediumFile, S3LocationFile, s3_endpoint
from drp.config.values import Text
from drp.domain.phrase import say
from drp.domain.repository import DEFAULT_REGION, DirectoryLocation, MediumLocation, RepositorySettings, S3Location
from drp.domain.worm.probe import Probe
from drp.errors import UsageError
from drp.repositories.kind import Resolve
from drp.repositories.restic.backend import Backend
from drp.repositories.restic.settings import ResticSettings


def _no_address(name: str) -> NoReturn:
    raise UsageError(
        say("a `{name}` has no address with a scheme", name=name), hint=say("name the directory itself, by its path")
    )


class _Directory:
    """A directory."""

    name = "directory"
    file = Text
    meaning = "A directory of this machine, or one mounted here; relative to the site directory."
    is_folder = True
    worm_keys = frozenset({"mode", "sacrifice"})
    address = ""

    def location(self, said: str, site: Path) -> DirectoryLocation:
        """Return where it is."""
        return DirectoryLocation(path=site / said)

    def from_address(self, address: str, given: Given) -> str:
        """Raise that a path stands for itself."""
        del address, given
        _no_address(self.name)

    def restic(self, settings: ResticSettings, resolve: Resolve) -> Backend:
        """Return how restic reaches it."""
        from drp.repositories.restic.directory import DirectoryBackend  # noqa: PLC0415 - only when it is used

        del resolve
        assert isinstance(settings.location, DirectoryLocation)
        return DirectoryBackend(settings.name, settings.location.path, audited_objects=settings.audited_objects)

    def probe(self, settings: RepositorySettings, resolve: Resolve, at: datetime) -> Probe:
        """Return what came of the attempts on the sacrificial file. Raises UsageError."""
        from drp.repositories.locations.files_probe import probe_files  # noqa: PLC0415 - only when it is asked for

        del resolve
        assert isinstance(settings.location, DirectoryLocation)
        return probe_files(settings, settings.location.folder, at)


class _Medium:
    """An air-gapped medium."""

    name = "medium"
    file = MediumFile
    meaning = "An air-gapped medium, which may be absent."
    is_folder = True
    worm_keys = frozenset({"mode", "sacrifice"})
    address = ""

    def location(self, said: MediumFile, site: Path) -> MediumLocation:
        """Return where it appears, and what it is called."""
        return MediumLocation(mount=site / said.mount, label=said.label, path=said.path)

    def from_address(self, address: str, given: Given) -> dict[str, Any]:
        """Raise that a path stands for itself."""
        del address, given
        _no_address(self.name)

    def restic(self, settings: ResticSettings, resolve: Resolve) -> Backend:
        """Return how restic reaches it."""
        from drp.repositories.locations.medium import Medium  # noqa: PLC0415 - only when it is used
        from drp.repositories.restic.directory import MediumBackend  # noqa: PLC0415 - as above

        del resolve
        place = settings.location
        assert isinstance(place, MediumLocation)
        medium = Medium(place.mount, place.label)
        return MediumBackend(settings.name, medium, place.path, audited_objects=settings.audited_objects)

    def probe(self, settings: RepositorySettings, resolve: Resolve, at: datetime) -> Probe:
        """Return what came of the attempts on the sacrificial file. Raises UsageError, MediaNeeded."""
        from drp.repositories.locations.files_probe import probe_files  # noqa: PLC0415 - only when it is asked for
        from drp.repositories.locations.medium import Medium  # noqa: PLC0415 - as above

        del resolve
        place = settings.location
        assert isinstance(place, MediumLocation)
        Medium(place.mount, place.label).require()
        return probe_files(settings, place.folder, at)


class _Bucket:
    """A bucket."""

    name = "s3"
    file = S3LocationFile
    meaning = "A bucket."
    is_folder = False
    worm_keys = frozenset({"mode", "probe", "scratch_bucket", "extend"})
    address = "https://HOST[:PORT]/BUCKET[/PREFIX]"

    def location(self, said: S3LocationFile, site: Path) -> S3Location:
        """Return where it is, and where its keys are read."""
        return S3Location(
            endpoint=s3_endpoint(said.endpoint),
            bucket=said.bucket,
            prefix=said.prefix,
            region=said.region,
            ca_file=site / said.ca_file if said.ca_file is not None else None,
            access_key=build.secret(said.access_key, site),
            secret_key=build.secret(said.secret_key, site),
            session_token=build.secret(said.session_token, site) if said.session_token is not None else None,
        )

    def from_address(self, address: str, given: Given) -> dict[str, Any]:
        """Return the bucket at ``[https://]HOST[:PORT]/BUCKET[/PREFIX]``. Raises UsageError."""
        scheme, separator, rest = address.partition("://")
        if not separator:
            scheme, rest = "https", address
        host, _, path = rest.partition("/")
        bucket, _, prefix = path.strip("/").partition("/")
        if scheme not in {"http", "https"} or not host or not bucket:
            raise UsageError(
                say("no bucket is named: s3:{said}", said=address), hint=say("name s3:{form}", form=self.address)
            )
        if given.user_file is None or given.secret_file is None:
            raise UsageError(
                say("how are the bucket's keys read?"),
                hint=say(
                    "--access-key-file FILE and --secret-key-file FILE (chmod 600), of an identity that may only read"
                ),
            )
        return {
            "endpoint": f"{scheme}://{host}",
            "bucket": bucket,
            **({"prefix": prefix} if prefix else {}),
            **({"region": given.region} if given.region and given.region != DEFAULT_REGION else {}),
            **({"ca_file": str(given.ca_file.absolute())} if given.ca_file is not None else {}),
            "access_key": {"file": str(given.user_file.absolute())},
            "secret_key": {"file": str(given.secret_file.absolute())},
        }

    def restic(self, settings: ResticSettings, resolve: Resolve) -> Backend:
        """Return how restic reaches it."""
        from drp.repositories.restic.bucket import BucketBackend  # noqa: PLC0415 - boto3 takes a third of a second

        assert isinstance(settings.location, S3Location)
        return BucketBackend(
            settings.name,
            settings.location,
            resolve,
            settings.limits,
            audited_objects=settings.audited_objects,
        )


DIRECTORY, MEDIUM, S3 = _Directory(), _Medium(), _Bucket()
