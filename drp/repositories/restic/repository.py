"""The Repository port on restic, whatever the location. It reads, and never changes anything.

What is wrong with the backup is told as data (`PointListing.unreadable`, `RestoreReceipt.unrestored`); errors mean
that the repository could not be used: silent, refused, absent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from drp.domain.application import Application
from drp.domain.phrase import Phrase, quoted, say
from drp.domain.precheck import BackupSign
from drp.domain.recovery_point import PointListing, RecoveryPoint
from drp.domain.repository_port import Abilities, Held
from drp.domain.restore import RESTORED, CellSecret, RestoreOrder, RestoreOutcome, RestoreReceipt, SecretReference
from drp.domain.strict_json import parse_object
from drp.errors import AccessDenied, NotFound, PointGone, RepositoryError, Unreachable
from drp.redact import remember
from drp.repositories.parts import must_fit
from drp.repositories.restic.answers import PRINTED
from drp.repositories.restic.attested import SeesLocks
from drp.repositories.restic.backend import PASSWORD_VARIABLE, Backend, Condition
from drp.repositories.restic.by_content import NamesContent
from drp.repositories.restic.errors import error_for, error_of, kind_of_failure, no_end
from drp.repositories.restic.locks import signs
from drp.repositories.restic.needed import KnowsNeeds
from drp.repositories.restic.patterns import patterns
from drp.repositories.restic.receipt import judge
from drp.repositories.restic.settings import ResticSettings
from drp.repositories.restic.snapshots import is_id, points_of, read_snapshots
from drp.repositories.restic.tool import ResticTool
from drp.repositories.restic.tree import contents_of, folders_below, held, look, source_root

PASSWORD = "password"  # noqa: S105 - a name, not a password
_TOOL_FOLDER = "/run/base/tool"
_LISTING_SECONDS = 600.0
_CELL_CACHE = "/tmp/drp-restic-cache"  # noqa: S108 - inside the cell, whose /tmp is its own


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """What restic listed last, and of which files; nothing at first."""

    at: float = float("-inf")
    """Monotonic clock, seconds."""
    marks: frozenset[str] = frozenset()
    """Empty: files changed while it was listed."""
    snapshots: tuple[Mapping[str, Any], ...] = ()
    hidden: tuple[Phrase, ...] = ()


class ResticRepository(NamesContent, SeesLocks, KnowsNeeds):
    """One restic repository."""

    def __init__(
        self,
        settings: ResticSettings,
        backend: Backend,
        resolve: Callable[[SecretReference], str],
        cache_directory: Path,
    ) -> None:
        """Take what the repository is, its location, how secrets are resolved, and a private cache directory."""
        self.name = settings.name
        self._settings, self._backend, self._resolve = settings, backend, resolve
        self._tool = ResticTool(
            settings.executable,
            repository=backend.host_arguments(),
            secrets=self._host_secrets,
            cache_directory=cache_directory,
            limits=settings.limits,
        )
        self.see_locks(settings, backend, cache_directory)
        self._turn = threading.Lock()
        self._listed = _Listed()
        super().__init__(settings, resolve, cache_directory / "needs")

    def preflight(self) -> Abilities:
        """Return what the repository is; its endpoint, medium, keys and password have just been tried.

        A repository that answers and is damaged or emptied does not raise: ``remarks`` say so, and `points` names it.
        """
        condition = self._backend.look()
        return Abilities(
            object_lock=self._backend.object_lock,
            air_gapped=self._backend.air_gapped,
            tool="restic",
            tool_version=self._tool.features.text,
            clock_ahead_ms=self._backend.clock_ahead_ms,
            remarks=tuple(
                map(quoted, _ruin(condition) or (() if self._is_known(condition) else self._trouble("cat", "config")))
            ),
            restores_parts=True,
        )

    def points(self, application: Application) -> PointListing:
        """Return the application's points; snapshot files that restic passes over in silence are named.

        Applications share a listing as long as key and snapshot files are the very same, for ten minutes at most.
        """
        before = self._backend.look()
        ruin = _ruin(before)
        if ruin:
            return PointListing(points=(), unreadable=ruin, emptied=before.emptied)
        with self._turn:
            if not self._is_known(before):
                trouble = self._list(before)
                if trouble:
                    return PointListing(points=(), unreadable=trouble)
            snapshots, hidden = self._listed.snapshots, self._listed.hidden
        listing = points_of(snapshots, application, self.name)
        return replace(listing, unreadable=(*hidden, *listing.unreadable))

    def _is_known(self, condition: Condition) -> bool:
        """Return whether what restic would list now is what it listed before: so does it take password and keys."""
        fresh = time.monotonic() - self._listed.at < _LISTING_SECONDS
        return bool(condition.marks) and condition.marks == self._listed.marks and fresh

    def _list(self, before: Condition) -> tuple[Phrase, ...]:
        """Ask for all snapshots and keep them; return what is broken when there are none to be had."""
        self._listed = _Listed()
        output = self._tool.call("snapshots", "--no-cache")
        if output.exit_code != 0:
            return self._judge_failure(output.exit_code, output.tail, output.ended_by)
        try:
            snapshots = read_snapshots(output.stdout)
        except ValueError as error:
            raise RepositoryError(say("repository {name}: {problem}", name=self.name, problem=error)) from error
        read = {str(snapshot.get("id")) for snapshot in snapshots}
        after = self._backend.look()
        hidden = sorted((before.snapshots & after.snapshots) - read)
        self._listed = _Listed(
            at=time.monotonic(),
            marks=before.marks if before.marks == after.marks else frozenset(),
            snapshots=snapshots,
            hidden=tuple(
                say("{snapshot}: the backup tool cannot read it", snapshot=f"snapshots/{name}") for name in hidden
            ),
        )
        return ()

    def look_into(self, point: RecoveryPoint) -> tuple[Phrase, ...]:
        """Return what is broken of the point's index and top folders. Raises ``NotFound`` for an id that is none."""
        self._require_id(point)
        self._require_there(point)  # the reduced restic lists nothing of a snapshot that is gone, and calls that good
        output, lacking = look(self._tool, point)
        if output.exit_code != 0:
            return self._judge_failure(output.exit_code, output.tail, output.ended_by)
        return (lacking,) if lacking else ()

    def folders_in(self, point: RecoveryPoint) -> tuple[str, ...]:
        """Return the folders directly below the point's one path; none of several, or where they cannot be listed."""
        self._require_id(point)
        return folders_below(self._tool, point)

    def restore_order(self, point: RecoveryPoint, *, only: Sequence[bytes] | None = None) -> RestoreOrder:
        """Return the command for the restore cell. Raises ``NotFound`` for an id that is none, ``UsageError``."""
        self._require_id(point)
        self._require_there(point)
        cell = self._backend.cell()
        program = f"{_TOOL_FOLDER}/{self._tool.path.name}"
        place = (*(("--repo", cell.repository) if cell.repository else ()), *cell.options)
        root = source_root(self._tool, point)
        part: tuple[str, ...] = ()
        if only is not None:
            part = must_fit([f"--include={each}" for each in patterns(root, only)], files=len(only))
        elif point.sub_path and root != "/":
            part = tuple(f"--include={each}" for each in patterns(root, [b""]))
        sparse = ("--sparse",) if self._tool.features.sparse else ()
        return RestoreOrder(
            argv=(program, *place, "--no-lock", "--json", "restore", point.id, "--target", RESTORED, *sparse, *part),
            environment={"RESTIC_CACHE_DIR": _CELL_CACHE, "RESTIC_PROGRESS_FPS": "1", "HOME": "/nonexistent"},
            secrets={PASSWORD_VARIABLE: PASSWORD, **cell.secrets},
            executables=(str(self._tool.path),),
            read_only_binds=dict(cell.read_only_binds),
            endpoint=cell.endpoint,
            served_by=cell.served_by,
            progress="restic-json" if self._tool.features.restore_json else "restic-text",
            source_root=root,
            capped_by=("--limit-download", "{kib}"),
        )

    def receipt(self, point: RecoveryPoint, outcome: RestoreOutcome, *, whole: bool = True) -> RestoreReceipt:
        """Return what came back. A version without a summary is asked how much the point holds, when all came back."""
        receipt = judge(
            outcome,
            repository=self.name,
            features=self._tool.features,
            still_there=lambda: self._require_there(point),
        )
        if receipt.unrestored or self._tool.features.restore_json:
            return receipt
        return self._counted(point, receipt) if whole else replace(receipt, counted=False)

    def at_sub_path(self, point: RecoveryPoint, *, counted: bool = False) -> Held:
        """Return what a point has at its sub-path; a tree that cannot be read is met again by the restore."""
        return held(self._tool, point, counted=counted)

    def writers(self, now: datetime) -> tuple[BackupSign, ...]:
        """Return who holds a lock of the repository; nobody where this identity may not list locks."""
        try:
            return tuple(signs(self._tool, self._backend.lock_names, self.name, now))
        except AccessDenied:
            return ()

    def secrets(self) -> tuple[CellSecret, ...]:
        """Return the repository's password and, for a bucket, the credentials file, by reference."""
        password = CellSecret(name=PASSWORD, template="{0}", references=(self._settings.password,))
        return (password, *self._backend.secrets())

    def _host_secrets(self) -> Mapping[str, str]:
        password = self._resolve(self._settings.password)
        remember(password)
        return {PASSWORD_VARIABLE: password, **self._backend.host_secrets()}

    def _require_id(self, point: RecoveryPoint) -> None:
        if not is_id(point.id):
            raise NotFound(
                say("{id} is no recovery point of {repository}", id=repr(point.id[:80]), repository=self.name),
                hint=say("drp repo points {name}", name=self.name),
            )

    def _require_there(self, point: RecoveryPoint) -> None:
        """Raise ``PointGone`` when the point was removed since it was selected, and what a look at the place raises.

        Retention removes the snapshot first and what only it needed afterwards: then nothing is damaged.
        """
        condition = self._backend.look()
        if not condition.emptied and not condition.broken and point.id not in condition.snapshots:
            raise PointGone(
                say(
                    "recovery point {point} is gone from repository {name} since it was selected",
                    point=point.short_id,
                    name=self.name,
                ),
                hint="keep retention from running meanwhile, and run the drill again: it selects among what is there",
            )

    def _trouble(self, *arguments: str) -> tuple[Phrase, ...]:
        """Run a command and return what it shows to be broken; raise what is no damage."""
        output = self._tool.call(*arguments)
        return () if output.exit_code == 0 else self._judge_failure(output.exit_code, output.tail, output.ended_by)

    def _judge_failure(self, exit_code: int, tail: tuple[str, ...], ended_by: str) -> tuple[Phrase, ...]:
        features = self._tool.features
        kind, words = kind_of_failure(exit_code, tail, features)
        if ended_by == "itself" and kind in {"damaged", "lost"}:
            return (words,)
        if ended_by == "itself" and kind == "password":
            tampered = self._backend.explain_refusal()
            if tampered:
                return (say("{tampered} ({words})", tampered=tampered, words=words),)
        if ended_by != "itself":
            raise Unreachable(
                no_end(self.name, ended_by),
                hint="raise the repository's time limits if it is slow",
            )
        raise error_for(kind, self.name, words)

    def _counted(self, point: RecoveryPoint, receipt: RestoreReceipt) -> RestoreReceipt:
        if point.sub_path:
            contents = contents_of(self._tool, point)
            if contents is None:
                return replace(receipt, counted=False)
            return RestoreReceipt(bytes_restored=contents.size, files_restored=contents.files)
        output = self._tool.call("stats", "--mode", "restore-size", point.id)
        if output.exit_code != 0:
            raise error_of(output, self.name, self._tool.features)
        counts: dict[str, object] = {}
        with suppress(ValueError, IndexError):
            counts = parse_object(output.stdout.strip().splitlines()[-1], PRINTED)
        total_size, total_files = counts.get("total_size"), counts.get("total_file_count")
        return RestoreReceipt(
            bytes_restored=total_size if isinstance(total_size, int) else receipt.bytes_restored,
            files_restored=total_files if isinstance(total_files, int) else receipt.files_restored,
        )


def _ruin(condition: Condition) -> tuple[Phrase, ...]:
    """Return why no recovery point can be read, when a look at the location already shows it."""
    return (condition.emptied,) if condition.emptied else condition.broken
