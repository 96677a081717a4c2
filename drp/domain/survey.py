"""What a repository that nobody has described yet holds, as applications that a site could name. Pure.

Nothing here is known of the hospital: a host and a set of paths that were backed up together are taken for one
application, and several of them where the job's own tags tell them apart. Names are made safe and never alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

from drp.domain.application import PointFilter
from drp.domain.phrase import Phrase, say
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.sub_path import misfit
from drp.domain.visible import one_line

_OWN_TAGS = ("drp-manifest=", "consistent_at=", "folder=")
"""They say something of one point, and nothing of whose it is."""
_APPLICATION_TAG = "app="
_OF_JOBS = re.compile(
    r"(half-?)?(hour|dai|week|month|quarter|year|night|annual)(ly)?|full|incr(emental)?|diff(erential)?|auto(matic)?"
    r"|manual|cron|scheduled?|backups?|snapshots?|restic|keep|test|pre|post|before-.*|after-.*"
    r"|quotidien(ne)?|hebdo(madaire)?|mensuel(le)?|sauvegarde|complete?|[0-9._:-]+",
    re.IGNORECASE,
)
"""Tags that say when or how a job ran, and not of what."""
_OF_NOBODY = {
    "",
    *("backup", "backups", "data", "db", "dump", "dumps", "etc", "export", "files", "home", "lib", "local", "mnt"),
    *("opt", "root", "share", "srv", "stdin", "storage", "usr", "var", "volume", "volumes", "www"),
}
"""Names of folders that say nothing of what is in them."""
_LONGEST_TEXT, _LONGEST_NAME, _LONGEST_SHOWN = 400, 63, 200
"""What a site's files take."""
MOST = 300
"""Applications that are described; of more, the ones with the newest points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Points that seem to be one application's."""

    name: str
    points: PointFilter
    newest: RecoveryPoint
    count: int
    with_manifest: int
    """So many of its points name a manifest."""
    every: timedelta | None
    """How far its points are apart, in the middle; None: there are too few to tell."""
    tags: tuple[str, ...] = ()
    """All that its points have, besides drp's own."""
    folders: tuple[str, ...] = ()
    """What its newest point holds at its top, where that may be several applications."""
    sub_path: str = ""
    """The one of them that is its own; empty: all of the point is."""
    manifest_of: str = ""
    """What manifests of the whole are made for, where it has a sub-path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """What all points come to."""

    applications: tuple[Proposal, ...]
    left_out: tuple[Phrase, ...] = ()
    """Hosts, paths or tags that no file can say, or that are too many."""


def proposals(points: Iterable[RecoveryPoint]) -> Proposals:
    """Return the applications that points seem to be of, the one with the newest point first."""
    found: list[Proposal] = []
    left_out: list[Phrase] = []
    for group, wanted in _groups(list(points)):
        if wanted is None or not _can_be_said(wanted):
            left_out.append(_not_told_apart(group) if wanted is None else _cannot_be_said(_shown(group)))
            continue
        found.append(_proposal(group, wanted))
    found.sort(key=lambda each: (-each.newest.consistent_at.timestamp(), each.newest.id))
    left_out += [
        say("{points}, and its like: more than {most} applications", points=_shown([each.newest]), most=MOST)
        for each in found[MOST:]
    ]
    return Proposals(applications=_named(found[:MOST]), left_out=tuple(left_out))


def split(found: Proposals) -> Proposals:
    """Return the same with an application for each folder of a point that holds several, but for those none can name.

    What lies beside the folders is then nobody's.
    """
    parts: list[Proposal] = []
    left_out = list(found.left_out)
    for each in found.applications:
        own = [folder for folder in each.folders if not misfit(folder)]
        if len(own) < 2:
            parts.append(each)
            continue
        parts += [replace(each, sub_path=folder, manifest_of=each.name, folders=()) for folder in own]
        left_out += [_cannot_be_said(one_line(folder, _LONGEST_SHOWN)) for folder in each.folders if folder not in own]
    left_out += [
        say("{folder}: more than {most} applications", folder=one_line(each.sub_path, _LONGEST_SHOWN), most=MOST)
        for each in parts[MOST:]
    ]
    return Proposals(applications=_named(parts[:MOST]), left_out=tuple(left_out))


def _not_told_apart(group: Sequence[RecoveryPoint]) -> Phrase:
    return say("{points}: cannot be told from others by tags, host or path", points=_shown(group))


def _cannot_be_said(what: str) -> Phrase:
    return say("{what}: cannot be written down", what=what)


def _shown(group: Sequence[RecoveryPoint]) -> Phrase:
    one = group[0]
    paths = one_line(", ".join(one.paths), _LONGEST_SHOWN) if one.paths else say("no path")
    return say("{n} of host {host}, {paths}", n=len(group), host=repr(one.host), paths=paths)


def _groups(points: Sequence[RecoveryPoint]) -> Iterator[tuple[list[RecoveryPoint], PointFilter | None]]:
    """Yield points that belong together, and what chooses them among all; None: nothing does."""
    tagged = [_application_tags(point) for point in points]
    if points and all(len(tags) == 1 for tags in tagged):  # the way that drp's own documentation tags
        for tag in sorted(set().union(*tagged)):
            yield [point for point, tags in zip(points, tagged, strict=True) if tag in tags], PointFilter(tags=(tag,))
        return
    for host in sorted({point.host for point in points}):
        groups, alike = _of_paths([point for point in points if point.host == host])
        for group in groups:
            others = {path for other in groups if other is not group for point in other for path in point.paths}
            path = _own_path(group, others)
            told = path is not None or len(groups) == 1
            for part, tags in _divided(group):
                yield part, PointFilter(tags=tags, host=host or None, path=path) if told or tags else None
        yield from ((group, None) for group in alike)


def _application_tags(point: RecoveryPoint) -> frozenset[str]:
    return frozenset(tag for tag in point.tags if tag.startswith(_APPLICATION_TAG))


def _of_paths(points: Sequence[RecoveryPoint]) -> tuple[list[list[RecoveryPoint]], list[list[RecoveryPoint]]]:
    """Return points of one host by what they hold, and those that no path tells from others.

    A job to which a path was added, or from which one was taken, is still one: the points with fewer paths are all
    older, or all newer, than those with more.
    """
    by_paths: dict[frozenset[str], list[RecoveryPoint]] = {}
    for point in points:
        by_paths.setdefault(frozenset(point.paths), []).append(point)
    alike = []
    for paths in sorted(by_paths, key=lambda each: (len(each), sorted(each))):
        wider = next((other for other in by_paths if paths and paths < other), None)
        if wider is None:
            continue
        fewer, more = by_paths.pop(paths), by_paths[wider]
        if _apart(fewer, more):
            by_paths[wider] = [*fewer, *more]
        else:
            alike.append(fewer)
    return list(by_paths.values()), alike


def _apart(one: Sequence[RecoveryPoint], other: Sequence[RecoveryPoint]) -> bool:
    """Return whether all points of one are older than all of the other."""
    first, second = ([point.consistent_at for point in points] for points in (one, other))
    return max(first) < min(second) or max(second) < min(first)


def _own_path(group: Sequence[RecoveryPoint], others: set[str]) -> str | None:
    """Return the path by which most points of a group are known, its newest among them, and none of another group."""
    counted = Counter(path for point in group for path in set(point.paths))
    newest = max(group, key=lambda point: (point.consistent_at, point.id))
    own = sorted(set(newest.paths) - others)
    return max(own, key=lambda path: (counted[path], path != "/etc"), default=None)


def _divided(group: list[RecoveryPoint]) -> Iterator[tuple[list[RecoveryPoint], tuple[str, ...]]]:
    """Yield the parts into which tags divide points of the same paths, such as dumps that came by a pipe."""
    said = [_telling(point) for point in group]
    different = sorted(set().union(*said))
    if len(different) > 1 and all(len(tags) == 1 for tags in said):
        for tag in different:
            yield [point for point, tags in zip(group, said, strict=True) if tag in tags], (tag,)
    else:
        yield group, ()


def _telling(point: RecoveryPoint) -> frozenset[str]:
    """Return the tags that may say whose a point is."""
    return frozenset(tag for tag in _others(point) if not _OF_JOBS.fullmatch(tag))


def _others(point: RecoveryPoint) -> tuple[str, ...]:
    return tuple(tag for tag in point.tags if not tag.startswith(_OWN_TAGS))


def _can_be_said(wanted: PointFilter) -> bool:
    said = (*wanted.tags, *(each for each in (wanted.host, wanted.path) if each is not None))
    return all(0 < len(each) <= _LONGEST_TEXT and not any(0xD800 <= ord(one) < 0xE000 for one in each) for each in said)


def _proposal(group: Sequence[RecoveryPoint], wanted: PointFilter) -> Proposal:
    admitted = [point for point in group if wanted.admits(point)]
    newest = max(admitted, key=lambda point: (point.consistent_at, point.id))
    instants = sorted(point.consistent_at for point in admitted)
    apart = [later - earlier for earlier, later in pairwise(instants)]
    return Proposal(
        name="",
        points=wanted,
        newest=newest,
        count=len(admitted),
        with_manifest=sum(point.manifest_id is not None for point in admitted),
        every=sorted(apart)[len(apart) // 2] if len(apart) > 1 else None,
        tags=tuple(sorted({tag for point in admitted for tag in _others(point)})),
        folders=newest.paths if len(newest.paths) > 1 else (),
    )


def _named(found: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """Return the proposals with names that are valid and all different, by what each is known by first."""
    wishes = [_wishes(each) for each in found]
    first = Counter(wish[0] for wish in wishes)
    taken: set[str] = set()
    named = []
    for each, wish in zip(found, wishes, strict=True):
        base = wish[0] if first[wish[0]] == 1 else wish[-1]
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base[: _LONGEST_NAME - 1 - len(str(number))]}-{number}"
        taken.add(name)
        named.append(replace(each, name=name))
    return tuple(named)


def _wishes(each: Proposal) -> tuple[str, ...]:
    """Return names that an application may have, the short one first and one with its host last."""
    host = safe_name((each.points.host or "").partition(".")[0])
    if each.sub_path:
        own = safe_name(each.sub_path.rpartition("/")[2])
    elif each.points.tags:
        own = safe_name(each.points.tags[0].removeprefix(_APPLICATION_TAG))
    else:
        said = {_telling_part(path) for path in each.newest.paths} - {""}
        own = said.pop() if len(said) == 1 else host
    own = own or host or "application"
    host = each.manifest_of or host
    longer = f"{host}-{own}" if host and host != own else f"{own}-{_telling_part(each.points.path or '')}"
    return own, longer[:_LONGEST_NAME].strip("-")


def _telling_part(path: str) -> str:
    """Return the last part of a path that says what is in it, as a name; empty: none does."""
    named = [safe_name(part) for part in path.split("/")]
    return next((each for each in reversed(named) if each not in _OF_NOBODY), "")


def safe_name(text: str) -> str:
    """Return a name of lower case letters, digits and hyphens made from any text; empty when nothing of it is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_NAME].rstrip("-")
