"""A repository in an S3 bucket: looked at with a short-tempered client before restic, which would wait 15 minutes."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.repository import S3Location, WaitLimits
from drp.domain.restore import CellSecret
from drp.domain.worm.attestation import Attestation
from drp.domain.worm.judging import SeenObject
from drp.domain.worm.objects import ObjectVersion
from drp.domain.worm.tampering import ESSENTIAL, Tampering, diagnose
from drp.errors import AccessDenied, RepositoryError
from drp.repositories.locations.s3 import Resolve, S3Reader, resolve_keys
from drp.repositories.restic.backend import CREDENTIALS_VARIABLE, AttestationAsked, CellAccess, Condition, missing_parts
from drp.repositories.restic.settings import tool_url
from drp.repositories.restic.snapshots import is_id

CREDENTIALS = "aws"
"""Name of the cell secret that holds the credentials file."""
CA_INSIDE = "/run/base/repository-ca.pem"
_MEMORY_SECONDS = 60.0
_TEMPLATE = "[default]\naws_access_key_id = {0}\naws_secret_access_key = {1}\n"
_TOKEN = "aws_session_token = {2}\n"  # noqa: S105 - a template, not a token


class BucketBackend:
    """A restic repository in a bucket, or below a prefix of one."""

    air_gapped = False

    def __init__(
        self, name: str, location: S3Location, resolve: Resolve, limits: WaitLimits, *, audited_objects: int
    ) -> None:
        """Take the repository's name, its location, how to resolve its keys, and the time limits."""
        self._name, self._location, self._resolve, self._limits = name, location, resolve, limits
        self._audited_objects = audited_objects
        self._watch: tuple[float, Path | None, Any] | None = None  # a LockWatch: loaded where it is asked
        self._object_lock: bool | None = None

    def reader(self) -> S3Reader:
        """Return its client, which only reads."""
        return self._reader

    @cached_property
    def _reader(self) -> S3Reader:
        return S3Reader(self._name, self._location, self._resolve, self._limits)

    @property
    def object_lock(self) -> bool:
        """Whether the bucket says that it has object lock; False too when the key may not ask."""
        if self._object_lock is None:
            try:
                self._object_lock = self._reader.bucket_lock()
            except AccessDenied:
                self._object_lock = False
        return self._object_lock

    @property
    def clock_ahead_ms(self) -> int | None:
        """By how much this machine's clock was ahead of the service's when it last answered."""
        return self._reader.clock_ahead_ms

    def look(self) -> Condition:
        """Return what is there, in four requests. Raises ``Unreachable`` or ``AccessDenied`` within seconds."""
        keys = [each for each in self._reader.marks("keys/", limit=100) if not each[0].endswith("/")]
        points = list(self._reader.marks("snapshots/"))
        snapshots = frozenset(name.removeprefix("snapshots/") for name, _ in points)
        config = self._reader.exists("config")
        if config and keys and snapshots:
            return Condition(snapshots=snapshots, marks=frozenset(f"{name} {mark}" for name, mark in (*keys, *points)))
        if (found := self._tampering()) is not None and found.certain:
            return Condition(snapshots=snapshots, emptied=found.what)
        if not config and not keys and not snapshots:
            where = tool_url(self._location)
            raise RepositoryError(
                say("repository {name} is not there: no repository at {where}", name=self._name, where=where)
            )
        return Condition(snapshots=snapshots, broken=missing_parts(config=config, keys=bool(keys)))

    def lock_names(self) -> frozenset[str]:
        """Return the names of the locks that are there."""
        found = (name.removeprefix("locks/") for name, _ in self._reader.marks("locks/", limit=100))
        return frozenset(name for name in found if is_id(name))

    def _tampering(self, *, refused: bool = False) -> Tampering | None:
        """Return what the versions of what restic cannot do without show; a key without the right sees none."""
        try:
            versions = [version for part in ESSENTIAL for version in self._reader.versions(part)]
        except AccessDenied:
            return None
        return diagnose(versions, complete=False, refused=refused)

    def explain_refusal(self) -> Phrase:
        """Return which of the files that hold the key were overwritten: then the password may well be right."""
        try:
            found = self._tampering(refused=True)
        except RepositoryError:
            return NOTHING
        return found.what if found is not None else NOTHING

    def attest(self, asked: AttestationAsked) -> Attestation:
        """Return what protects everything that the points need; what was seen is remembered for a minute."""
        attestation: Attestation = self._locks(asked.cache).attest(asked)
        return attestation

    def locks_of(
        self,
        names: Collection[str],
        *,
        enough: datetime | None = None,
        cache: Path | None = None,
        view: Mapping[str, ObjectVersion] | None = None,
    ) -> Mapping[str, SeenObject]:
        """Return what protects each of these objects."""
        locks: Mapping[str, SeenObject] = self._locks(cache).locks_of(names, enough=enough, view=view)
        return locks

    def _locks(self, cache: Path | None) -> Any:
        now = time.monotonic()
        if self._watch is None or now - self._watch[0] > _MEMORY_SECONDS or self._watch[1] != cache:
            place = f"{self._location.endpoint.url} {self._location.bucket} {self._location.prefix}"
            from drp.repositories.locations.lock_memory import LockMemory  # noqa: PLC0415 - sqlite3, as below
            from drp.repositories.locations.s3_heads import LockQuestions  # noqa: PLC0415 - ssl and http, as below
            from drp.repositories.restic.object_lock import LockWatch  # noqa: PLC0415 - takes long to load

            memory = LockMemory(cache / "locks.sqlite" if cache is not None else None, place)
            questions = LockQuestions(self._name, self._location, self._resolve, self._limits)
            watch = LockWatch(self._reader, questions, memory, audited_objects=self._audited_objects)
            self._watch = (now, cache, watch)
        return self._watch[2]

    def host_arguments(self) -> tuple[str, ...]:
        """Return restic's arguments on this machine."""
        ca = self._location.ca_file
        return ("--repo", tool_url(self._location), *self._options(), *(("--cacert", str(ca)) if ca else ()))

    def _options(self) -> tuple[str, ...]:
        """Keep restic from asking the service where the bucket is, and at the one name that the cell may reach."""
        return ("--option", f"s3.region={self._location.region}", "--option", "s3.bucket-lookup=path")

    def cell(self) -> CellAccess:
        """Return that the cell reaches the service's endpoint, with the CA's certificates beside it."""
        ca = self._location.ca_file
        return CellAccess(
            repository=tool_url(self._location),
            options=(*self._options(), *(("--cacert", CA_INSIDE) if ca else ())),
            read_only_binds={str(ca.resolve()): CA_INSIDE} if ca else {},
            endpoint=(self._location.endpoint.host, self._location.endpoint.port),
            secrets={CREDENTIALS_VARIABLE: CREDENTIALS},
        )

    def secrets(self) -> tuple[CellSecret, ...]:
        """Return the credentials file, by reference."""
        token = self._location.session_token
        references = (self._location.access_key, self._location.secret_key, *((token,) if token else ()))
        return (CellSecret(name=CREDENTIALS, template=_TEMPLATE + (_TOKEN if token else ""), references=references),)

    def host_secrets(self) -> Mapping[str, str]:
        """Return the credentials file itself, for a memfd."""
        keys = resolve_keys(self._location, self._resolve)
        token = _TOKEN.format("", "", keys.token) if keys.token else ""
        return {CREDENTIALS_VARIABLE: _TEMPLATE.format(keys.access, keys.secret) + token}
