"""Whether a manifest was made of what a recovery point holds: by its application, time, root and host. Pure.

A manifest proves a restore only if it saw the tree before anything could happen to the copy. Its digest says that it
is the one that was named; this says whether it could have been made then and there.
"""

from __future__ import annotations

import posixpath
from datetime import datetime
from fnmatch import fnmatchcase
from glob import escape

from drp.domain.application import Application, BackupJob
from drp.domain.findings.catalogue import MANIFEST_FOREIGN
from drp.domain.findings.finding import Finding
from drp.domain.findings.origin import (
    MANIFEST_ELSEWHERE,
    MANIFEST_LATE,
    MANIFEST_OTHER_HOST,
)
from drp.domain.manifest import ManifestSummary, show_path
from drp.domain.phrase import Instant, fact, several
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.sub_path import below


def origin_findings(
    manifest: ManifestSummary, point: RecoveryPoint, application: Application, drill_host: str
) -> tuple[Finding, ...]:
    """Return what speaks against the manifest; it may be used only if nothing does."""
    job = application.backup_job
    return (
        *_of_another(manifest, point, application),
        *_late(manifest, point, job),
        *_elsewhere(manifest, point, job),
        *_host(manifest, point, job, drill_host),
    )


def _of_another(manifest: ManifestSummary, point: RecoveryPoint, application: Application) -> tuple[Finding, ...]:
    """Return that it was made for another application, or for another recovery point if it knows of one.

    One that serves several applications is made for a name that each of them declares, and for none of their own.
    """
    wanted_for = application.backup_job.manifest_of or application.name
    made_for = (
        (manifest.application, wanted_for, manifest.application == wanted_for),
        (
            fact("recovery-point", "recovery point {point}", point=manifest.recovery_point),
            fact("recovery-point", "recovery point {point}", point=point.short_id),
            point.id.startswith(manifest.recovery_point),
        ),
    )
    return tuple(
        MANIFEST_FOREIGN.finding(
            subject=manifest.id[:12], observed=fact("made-for", "made for {said}", said=said), expected=wanted
        )
        for said, wanted, same in made_for
        if not same
    )


def _late(manifest: ManifestSummary, point: RecoveryPoint, job: BackupJob) -> tuple[Finding, ...]:
    """Return that it was finished after the backup tool had begun to read, or at no time that can be."""
    began = point.taken_at or point.consistent_at
    if manifest.started_at <= manifest.finished_at <= began + job.clock_skew:
        return ()
    made = fact(
        "made-from",
        "made from {started_at} to {finished_at}",
        started_at=Instant(manifest.started_at),
        finished_at=Instant(manifest.finished_at),
    )
    return (
        MANIFEST_LATE.finding(
            subject=manifest.id[:12],
            observed=made,
            expected=fact(
                "before-backup-which-began", "before the backup, which began at {began}", began=Instant(began)
            ),
        ),
    )


def _elsewhere(manifest: ManifestSummary, point: RecoveryPoint, job: BackupJob) -> tuple[Finding, ...]:
    """Return that it is of another tree than the recovery point, or lacks its sub-path, moved roots allowed for."""
    if point.sub_path:
        return () if own_part(manifest, point, job) is not None else (_not_holding(manifest, point.sub_path),)
    held = _roots(point)
    if (
        manifest.entries == manifest.files == 1 and manifest.total_bytes == point.size_bytes
    ):  # of a folder with one file: the point may hold that file alone
        held = (*held, *(posixpath.dirname(each) for each in held))
    if _root(manifest, job) in held:
        return ()
    expected = (
        fact("made-of", "made of {roots}", roots=several(held, " or "))
        if held
        else fact("recovery-point-says-what", "a recovery point that says what it was made of")
    )
    observed = fact("made-of", "made of {roots}", roots=manifest.root)
    return (MANIFEST_ELSEWHERE.finding(subject=manifest.id[:12], observed=observed, expected=expected),)


def own_part(manifest: ManifestSummary, point: RecoveryPoint, job: BackupJob) -> bytes | None:
    """Return the folder of a manifest that is the application's own, by its path below the manifest's root.

    Empty: all of it is. None: it does not hold what the point restores.
    """
    return below(_root(manifest, job), point.sub_path) if point.sub_path else b""


def _not_holding(manifest: ManifestSummary, sub_path: str) -> Finding:
    return MANIFEST_ELSEWHERE.finding(
        subject=manifest.id[:12],
        observed=fact("origin-made", "made of {root}", root=manifest.root),
        expected=fact("made-of-what-holds", "made of what holds {sub_path}", sub_path=sub_path),
    )


def _root(manifest: ManifestSummary, job: BackupJob) -> str:
    """Return where in the recovery point the tree begins that a manifest was made of."""
    moved = {_normal(at): _normal(to) for at, to in job.moved_roots.items()}
    root = _normal(manifest.root)
    return moved.get(root, root)


def _roots(point: RecoveryPoint) -> tuple[str, ...]:
    """Return the one folder that a point holds: its path, or where its several paths meet, as manifests write names."""
    paths = [_normal(show_path(path.encode("utf-8", "surrogateescape"))) for path in point.paths]
    return (posixpath.commonpath(paths),) if paths and all(path.startswith("/") for path in paths) else tuple(paths)


def _host(manifest: ManifestSummary, point: RecoveryPoint, job: BackupJob, drill_host: str) -> tuple[Finding, ...]:
    """Return that it comes from a host that is neither the point's, nor declared, nor the one that holds the drill.

    A backup server that pulls makes manifests too, under its own name; where hosts are declared, those alone count.
    """
    known = job.manifest_hosts or tuple(escape(name) for name in (point.host, drill_host) if name)
    if any(_same_host(manifest.host, name) for name in known) and manifest.host:
        return ()
    observed = fact(
        "made-on", "made on {host}", host=manifest.host or fact("host-without-name", "a host without a name")
    )
    names = job.manifest_hosts or ((point.host,) if point.host else ())
    expected = (
        fact("one-of-hosts", "{hosts}", hosts=several(names, " or "))
        if names
        else fact("point-names-host", "a recovery point that names its host")
    )
    return (MANIFEST_OTHER_HOST.finding(subject=manifest.id[:12], observed=observed, expected=expected),)


def _normal(path: str) -> str:
    return posixpath.normpath(f"/{path.lstrip('/')}" if path.startswith("/") else path)  # POSIX keeps two slashes


def _same_host(host: str, pattern: str) -> bool:
    """Return whether a host is meant: by its whole name, or by its first label where one of the two has no more.

    The same first label in two domains is two hosts, and so are two addresses that begin alike.
    """
    host, pattern = (name.rstrip(".").casefold() for name in (host, pattern))
    if "." in host and "." in pattern:
        return fnmatchcase(host, pattern)
    if _is_address(host) or _is_address(pattern):
        return fnmatchcase(host, pattern)
    return fnmatchcase(host.split(".", 1)[0], pattern.split(".", 1)[0])


def _is_address(name: str) -> bool:
    return "." in name and name.replace(".", "").isdecimal()


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
