"""The Repository port on dated folders, in a directory or on a medium. It reads, and never changes anything."""

from __future__ import annotations

import base64
import hashlib
import os
import posixpath
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from drp.domain.application import Application
from drp.domain.phrase import Phrase, fact, quoted, say
from drp.domain.recovery_point import Immutability, PassedOver, PointListing, RecoveryPoint
from drp.domain.repository import MediumLocation
from drp.domain.repository_port import Abilities, Held
from drp.domain.restore import RESTORED, CellSecret, RestoreOrder, RestoreOutcome, RestoreReceipt
from drp.domain.worm.attestation import Attestation, LockDemand
from drp.domain.worm.judging import immutability_of
from drp.errors import AccessDenied, NotFound, PointGone, RepositoryError
from drp.repositories.copies.attested import attested, or_unknown
from drp.repositories.copies.folders import find
from drp.repositories.copies.found import DatedFolder, Found, Refused
from drp.repositories.copies.presence import folder_names, folder_of, is_there, lacking_at, size_below
from drp.repositories.copies.receipt import judge
from drp.repositories.copies.settings import CopiesSettings
from drp.repositories.copies.wanted import may_be_of, require_told, wanted_below, wanted_root
from drp.repositories.locations.medium import Medium
from drp.repositories.parts import must_fit, nothing_there

PROGRAM = Path(__file__).parent / "payload" / "restore_copy.py"
_PARTS = (PROGRAM.name, "copy_pace.py", "copy_walk.py", "copy_words.py")
PYTHON = "/usr/bin/python3"
INSIDE = "/run/base/repository"
"""Where the restore cell sees the one dated folder, read-only."""
_TOOL = f"/run/base/tool/{PROGRAM.name}"
_FOLDER_TAG = "folder="
_ID_LENGTH = 64


class CopiesRepository:
    """One directory of dated folders."""

    def __init__(self, settings: CopiesSettings) -> None:
        """Take what the repository is; nothing is looked at yet."""
        self.name = settings.name
        self._listed: dict[str, DatedFolder] = {}
        self._settings = settings
        place = settings.location
        self._medium = Medium(place.mount, place.label) if isinstance(place, MediumLocation) else None

    def preflight(self) -> Abilities:
        """Return what the repository is; its folder, and its medium, have just been looked at."""
        self._find()
        return Abilities(
            air_gapped=self._medium is not None,
            tool="copies",
            tool_version=f"Python {sys.version_info.major}.{sys.version_info.minor}",
            restores_parts=True,
        )

    def points(self, application: Application) -> PointListing:
        """Return the application's points: whole folders that state an instant, and hold the path it asks for.

        Raises ``RepositoryError`` when the names of folders cannot tell what the application asks of its points.
        """
        require_told(self._settings, application)
        found = self._find()
        self._listed = {_id(folder): folder for folder in found.folders}
        wanted = application.points
        own = [each for each in found.refused if may_be_of(each, wanted)]
        if denied := [each for each in own if each.kind == "denied"]:
            raise AccessDenied(
                say("repository {name}: {problem}", name=self.name, problem=denied[0].line),
                hint="let the user that runs drp read it, and no more",
            )
        asked = [folder for folder in found.folders if wanted.admits(self._point(folder, application))]
        holding = self._holding(asked, application, own)
        points = [self._point(folder, application) for folder in holding]
        series, root = {folder.series for folder in holding}, wanted_root(self._settings, application)
        lacking = [folder for folder in asked if folder not in holding]
        passed = [PassedOver(name=each.shown, reason=quoted(each.reason)) for each in own if each.kind == "unfinished"]
        passed += [  # of a job that copies it at other times; other jobs need not have it at all
            PassedOver(
                name=folder.path,
                reason=fact("does-not-hold", "does not hold {application}", application=root),
            )
            for folder in lacking
            if folder.series in series
        ]
        foreign = [each.line for each in found.refused if each.kind == "unreadable" and each not in own]
        return PointListing(
            points=tuple(points),
            unreadable=tuple(each.line for each in own if each.kind == "unreadable"),
            foreign=tuple(foreign),
            passed_over=tuple(passed),
        )

    def immutability(self, point: RecoveryPoint) -> Immutability:
        """Return what can be observed about the folder's protection now."""
        return immutability_of(self._attested((point,), LockDemand()))

    def attest(self, points: Sequence[RecoveryPoint], demand: LockDemand) -> Attestation:
        """Return what was observed of the folders of some points; what cannot be seen is unknown."""
        return or_unknown(self._settings, demand, lambda: self._attested(points, demand))

    def _attested(self, points: Sequence[RecoveryPoint], demand: LockDemand) -> Attestation:
        folders = (self._listed.get(point.id) or self._folder(point) for point in points)
        places = ((self._root / folder.path, folder.identity) for folder in folders)
        subject = points[0].short_id if len(points) == 1 else self.name
        return attested(self._settings, self._medium, places, subject, demand)

    def look_into(self, point: RecoveryPoint) -> tuple[Phrase, ...]:
        """Return what cannot be listed of the folder that would be restored."""
        try:
            lacking = self._lacking(self._folder(point), point)
        except OSError as error:
            return (say("{path}: cannot be read: {why}", path=self._own(point), why=os.strerror(error.errno or 0)),)
        return (lacking,) if lacking else ()

    def at_sub_path(self, point: RecoveryPoint, *, counted: bool = False) -> Held:
        """Return what a copy has at the point's sub-path. Raises as ``restore_order``."""
        folder = self._folder(point)
        with suppress(OSError):  # the restore says it, with its name
            if lacking := self._lacking(folder, point):
                return Held(lacking=lacking)
        return Held(size_bytes=size_below(self._root / folder.path / self._own(point)) if counted else None)

    def folders_in(self, point: RecoveryPoint) -> tuple[str, ...]:
        """Return the folders directly in what would be restored, as paths of the machine that was copied."""
        try:
            names = folder_names(self._root / self._folder(point).path / self._own(point))
        except OSError:
            return ()
        return tuple(posixpath.join(point.paths[0], name) for name in names)

    def restore_order(self, point: RecoveryPoint, *, only: Sequence[bytes] | None = None) -> RestoreOrder:
        """Return the command for the restore cell. Raises ``NotFound`` for an id that is none, ``PointGone``."""
        if len(point.id) != _ID_LENGTH or not set(point.id) <= set("0123456789abcdef"):
            raise NotFound(
                say("{id} is no recovery point of {repository}", id=repr(point.id[:80]), repository=self.name),
                hint=say("drp repo points {name}", name=self.name),
            )
        folder = self._folder(point)
        root, below = point.sub_path or point.paths[0], self._own(point)
        if point.sub_path and (lacking := self.at_sub_path(point).lacking):
            raise nothing_there(point, lacking)
        named = [base64.b64encode(path).decode("ascii") for path in only or ()]
        part = must_fit(named, files=len(named)) if only is not None else ()
        return RestoreOrder(
            argv=(
                *(PYTHON, "-I", "-S", "-B", _TOOL),
                *("--source", INSIDE, "--below", below, "--identity", "{}:{}".format(*folder.identity)),
                *("--target", RESTORED, "--root", root),
                *(word for path in self._inside_marks(below) for word in ("--leave", path)),
                *(word for path in part for word in ("--only", path)),
            ),
            executables=tuple(str(PROGRAM.with_name(name)) for name in _PARTS),
            read_only_binds={str(self._root / folder.path): INSIDE},
            progress="copies",
            holes_known=True,
            source_root=root,
            of_many_owners=True,
            capped_by=("--bytes-per-second", "{bytes}"),
        )

    def receipt(self, point: RecoveryPoint, outcome: RestoreOutcome, *, whole: bool = True) -> RestoreReceipt:
        """Return what came back, as its program counts it. Raises what an end that says nothing of the backup means."""
        del whole
        return judge(outcome, repository=self.name, still_there=lambda: self._folder(point))

    def secrets(self) -> tuple[CellSecret, ...]:
        """A directory takes none."""
        return ()

    def _inside_marks(self, below: str) -> Iterator[str]:
        """Yield the marks that lie in what is restored, and are the backup job's and not the application's."""
        said = self._settings
        for mark in (said.complete, said.instant, said.manifest):
            if mark is not None and not mark.beside:
                path = posixpath.relpath(mark.path, below)
                if not path.startswith(".."):
                    yield path

    @property
    def _root(self) -> Path:
        return folder_of(self._settings.location)

    def _find(self) -> Found:
        """Look at the place. Raises ``MediaNeeded``, ``AccessDenied``, ``RepositoryError``."""
        if self._medium is not None:
            self._medium.require()
        try:
            return find(self._root, self._settings)
        except OSError as error:
            if self._medium is not None:
                self._medium.require()
            words = os.strerror(error.errno or 0)
            if isinstance(error, PermissionError):
                hint = say("let the user that runs drp read it, and no more than read")
                raise AccessDenied(
                    say(
                        "repository {name} may not be read: {path}: {why}",
                        name=self.name,
                        path=self._root,
                        why=words,
                    ),
                    hint=hint,
                ) from error
            if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                message = say("repository {name} is not there: no folder at {path}", name=self.name, path=self._root)
                raise RepositoryError(message, hint="check its location") from error
            raise RepositoryError(
                say("repository {name} cannot be listed: {path}: {why}", name=self.name, path=self._root, why=words)
            ) from error

    def _lacking(self, folder: DatedFolder, point: RecoveryPoint) -> Phrase:
        """Return why nothing of a point can be restored; nothing: something can. Raises ``OSError``."""
        return lacking_at(self._root / folder.path, self._own(point), point.sub_path or point.paths[0])

    def _own(self, point: RecoveryPoint) -> str:
        """Return where what is restored of a point lies in its folder."""
        return posixpath.relpath(point.sub_path or point.paths[0], self._settings.root)

    def _holding(
        self, folders: Sequence[DatedFolder], application: Application, refused: list[Refused]
    ) -> list[DatedFolder]:
        """Return those of the folders that hold what is asked for; what nobody can tell is added to ``refused``."""
        below = wanted_below(self._settings, application)
        held = []
        for folder in folders:
            try:
                if below == "." or is_there(self._root / folder.path, below):
                    held.append(folder)
            except FileNotFoundError:
                refused.append(
                    Refused(
                        path=folder.path,
                        kind="unfinished",
                        reason=say("went away while it was looked at"),
                    )
                )
            except OSError as error:
                words = say("cannot be read: {why}", why=os.strerror(error.errno or 0))
                refused.append(Refused(path=folder.path, kind="unreadable", reason=words))
        return held

    def _point(self, folder: DatedFolder, application: Application) -> RecoveryPoint:
        """Return a folder as a point of the application."""
        root = wanted_root(self._settings, application)
        return RecoveryPoint(
            id=_id(folder),
            repository=self.name,
            application=application.name,
            consistent_at=folder.consistent_at,
            taken_at=folder.named_at,
            size_bytes=None,
            tags=(*((folder.tag,) if folder.tag else ()), f"{_FOLDER_TAG}{folder.path}"),
            host=folder.host,
            paths=(root,),
            manifest_id=folder.marks.manifest_id,
            manifest_trouble=folder.marks.manifest_trouble,
            sub_path=application.backup_job.sub_path,
        )

    def _folder(self, point: RecoveryPoint) -> DatedFolder:
        """Return the folder that is the point now: a rotation may have given it another name meanwhile."""
        for folder in self._find().folders:
            if _id(folder) == point.id:
                return folder
        raise PointGone(
            say(
                "recovery point {point} is gone from repository {name} since it was selected",
                point=point.short_id,
                name=self.name,
            ),
            hint="keep retention from running meanwhile, and run the drill again: it selects among what is there",
        )


def _id(folder: DatedFolder) -> str:
    """Return a name that stays when folders are rotated: it is made of what a folder is of, not of where it lies."""
    said = "\0".join((*folder.series, folder.consistent_at.isoformat(timespec="microseconds")))
    return hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()


def programs() -> Iterator[Path]:
    """Yield what reads a copy inside the restore cell."""
    yield from (PROGRAM.with_name(name) for name in _PARTS)
    yield interpreter()


def interpreter() -> Path:
    """Return the Python of this machine that runs inside restore cells. Raises ``RepositoryError``."""
    if not os.access(PYTHON, os.X_OK):
        raise RepositoryError(say("{path} is not there", path=PYTHON), hint="apt-get install python3")
    return Path(PYTHON).resolve()
