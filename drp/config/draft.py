"""The files of a site for a repository that somebody has already: valid as they stand, with what is to be filled in.

Whatever came out of the repository is quoted, or a comment of one printable line: it is hostile until proven otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from drp.config.values import show_duration
from drp.domain.recovery_point import Immutability
from drp.domain.survey import Proposal, Proposals
from drp.domain.visible import is_visible, one_line

NAME = "backups"
"""What the repository is called in the site."""
_GIB = 1 << 30
_SMALLEST, _ROOM = 8 * _GIB, 1.25
_SHOWN, _MOST_REMARKS, _MOST_FOLDERS = 200, 20, 40
_REPOSITORIES = """\
# yaml-language-server: $schema=../.schema/repositories.json
# Where recovery points are kept. drp only ever reads: give it an identity that may do no more.
# Seen by {tool}: {count}, the newest of {newest},
# {lock}.
{remarks}version: 1
repositories:
  {name}:
{entry}
    # backup_window: {{windows: ["22:00-06:00"], zone: Europe/Paris}}   # then backups run, and drills wait
    # limits: {{download: 50MB/s}}                                      # so fast all restores together may read
"""
_MEDIUM = """\
    # Attached for backups and drills alone? Then, instead of `directory`, so that another disk is refused:
    # location: {medium: {mount: /media/shelf, label: SHELF-A, path: .}}
"""
_SANDBOXES = """\
# yaml-language-server: $schema=../.schema/sandboxes.json
# Where restored software runs: no network, no repository, no key. `default` is taken where a drill names none.
version: 1
sandboxes:
  default:
    memory_bytes: 1GiB
    data_bytes: {gib}GiB                 # {room}
    data_backing: {backing}            # {why}
    # identity: range                # owners of restored files are judged too; needs sub-uids for drp's user
"""
_DRILL = """\
# yaml-language-server: $schema=../../.schema/drill.json
# What is drilled together: `drp drill plan everything`, then `drp drill run everything`.
# One application, as every plan's defaults have it: `drp drill run --app NAME`.
name: everything
scenario: {{title: Everything online is lost, disaster_at: now}}
select: {{policy: newest}}             # newest-immutable: only what nobody can delete
{manifest}recoveries:
{recoveries}
"""
_WITHOUT_MANIFEST = """\
# {bound} of {all} newest points name a manifest: what was backed up, file by file. Without one a drill shows that
# a point restores, and what its checks see; not that each file is the one that was backed up. It ends inconclusive.
# Either let the backup job make one first (`drp manifest create`, tag drp-manifest=…), which proves most, or take the
# mark away from the next line: then a drill can pass on its checks alone, with the warning DRP-H009 in every report.
# require_manifest: false
"""
_APPLICATION = """\
# yaml-language-server: $schema=../../.schema/application.json
# {count}, the newest {point} of {newest}{every}; {manifests} of them name a manifest.
# Host: {host}
# Paths: {paths}
# Tags: {tags}
name: {name}
title: {title}
# ^ TO FILL IN: what people call it
tier: 1                              # TO FILL IN: 0 is recovered first, the hospital cannot work without it
owner: ""                            # TO FILL IN: who answers for it, a role rather than a person
objectives:                          # TO FILL IN: what the business asks for, not what backups happen to reach
  rto: 8h                            # recovery time objective (DMIA): longest acceptable time until it is usable
  rpo: 1d                            # recovery point objective (PDMA): most data, in time, that may be lost
backup:
  repositories: [{repository}]
{points}{folders}runbook:                             # TO FILL IN: how it is recovered; `files` starts nothing
  kind: files                        # drp brings more (postgres, mariadb, …), and runbooks/NAME of this site is yours
checks:                              # TO FILL IN: what proves that it came back: `drp verifier list`
  - name: tree
    verifier: files                  # there are files, and they can be read
    # options: {{files_at_least: 1000, must_exist: [some/file], newest: true}}
    # `newest` dates what came back, where files are written once; without any date the RPO stays undetermined
# drill_every: 90d                   # `drp status` warns when no drill passed for so long
# depends_on: []                     # applications that must be up before it
"""
_SEVERAL = """\
  # Its points hold several folders. Where they are applications of their own, copy this file for each, with a name
  # of its own, and say which folder is its: only that is restored. One manifest of the whole may serve them all.
  # manifest_of: {name}
"""
_PART = """\
  sub_path: {sub_path}
  # ^ only this folder of a point is restored; what lies beside such folders in it is drilled by nobody
  manifest_of: {manifest_of}
  # ^ `drp manifest create --application` says this name: one manifest of the whole serves them all
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look at the repository showed."""

    entry: Mapping[str, Any]
    """Its entry in ``inventory/repositories.yml``."""
    tool: str
    proposals: Proposals
    lock: Immutability | None
    """What protects its newest point."""
    unreadable: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    memory_bytes: int | None = None
    """What this machine has for sandboxes."""


def files(found: Found) -> dict[str, bytes]:
    """Return the files of the inventory, by their path in the site."""
    made = {
        "inventory/repositories.yml": _repositories(found),
        "inventory/sandboxes.yml": _sandboxes(found),
        "inventory/drills/everything.yml": _drill(found.proposals.applications),
    }
    made |= {f"inventory/applications/{each.name}.yml": _application(each) for each in found.proposals.applications}
    return {name: text.encode() for name, text in made.items()}


def quoted(text: str) -> str:
    r"""Return a text as YAML says it in double quotes: what does not show itself stands as ``\u…``."""
    return '"' + "".join(_escaped(each) for each in text) + '"'


def _escaped(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    if is_visible(character):
        return character
    number = ord(character)
    return f"\\U{number:08x}" if number > 0xFFFF else f"\\u{number:04x}"


def _repositories(found: Found) -> str:
    remarks = [
        *(f"CANNOT BE READ: {each}" for each in found.unreadable[:_MOST_REMARKS]),
        *(f"passed over: {each}" for each in found.passed_over[:_MOST_REMARKS]),
        *(f"NOT DESCRIBED: {each}" for each in found.proposals.left_out[:_MOST_REMARKS]),
    ]
    text = _REPOSITORIES.format(
        tool=_comment(found.tool),
        count=_points_counted(sum(each.count for each in found.proposals.applications)),
        newest=_instant(found.proposals.applications[0]),
        lock=_lock(found.lock),
        remarks="".join(f"# {_comment(each)}\n" for each in remarks),
        name=NAME,
        entry="\n".join(f"    {line}" for line in _mapping(found.entry)),
    )
    return text + (_MEDIUM if "directory" in found.entry["location"] else "")


def _lock(lock: Immutability | None) -> str:
    """Return who can delete the newest point, as far as is known."""
    match lock.mode if lock is not None else "unknown":
        case "compliance" | "legal-hold" as mode:
            return f"which nobody can delete: {mode}"
        case "governance":
            return "under a governance lock, which whoever has that right can lift"
        case "offline":
            return "which nobody can delete while its medium is away, as is declared"
        case _:
            return "which whoever may write there can delete"


def _mapping(said: Mapping[str, Any]) -> Iterator[str]:
    for key, value in said.items():
        yield f"{key}: {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(_mapping(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value) if value in {"restic", "copies"} else quoted(str(value))


def _sandboxes(found: Found) -> str:
    sizes = [each.newest.size_bytes for each in found.proposals.applications]
    wanted = max(_SMALLEST, -(-int(max(size or 0 for size in sizes) * _ROOM) // _GIB) * _GIB)
    in_memory = wanted <= max(_SMALLEST, (found.memory_bytes or 0) // 2)
    return _SANDBOXES.format(
        gib=wanted // _GIB,
        room="a quarter more than the largest point" if all(sizes) else "TO FILL IN: how much points hold is not told",
        backing="memory" if in_memory else "disk  ",
        why="gone with the sandbox; disk: a file that is erased with it"
        if in_memory
        else "more than memory takes: a file that is erased with the sandbox, below `state`",
    )


def _drill(applications: Sequence[Proposal]) -> str:
    bound = sum(each.newest.manifest_id is not None for each in applications)
    lacking = _WITHOUT_MANIFEST.format(bound=bound, all=len(applications)) if bound < len(applications) else ""
    return _DRILL.format(manifest=lacking, recoveries="\n".join(f"  - {quoted(each.name)}" for each in applications))


def _application(each: Proposal) -> str:
    point = each.newest
    return _APPLICATION.format(
        count=_points_counted(each.count),
        point=point.short_id,
        newest=_instant(each),
        every=f", one about every {_roughly(each.every)}" if each.every else "",
        manifests=each.with_manifest or "none",
        host=_comment(point.host) or "none is told",
        paths=_comment(", ".join(point.paths)) or "none is told",
        tags=_comment(", ".join(each.tags)) or "none",
        name=quoted(each.name),  # which may be 2026 or true
        title=quoted(_title(each)),
        repository=NAME,
        points=_points(each),
        folders=_folders(each),
    )


def _comment(text: str) -> str:
    return one_line(text, _SHOWN)


def _instant(each: Proposal) -> str:
    return f"{each.newest.consistent_at:%Y-%m-%dT%H:%M:%SZ}"


def _points_counted(number: int) -> str:
    return f"{number} recovery points" if number != 1 else "1 recovery point"


def _roughly(every: timedelta) -> str:
    """Return a duration in its one largest unit."""
    seconds = int(every.total_seconds())
    size = next((size for size in (86_400, 3600, 60) if seconds >= size), 60)
    return show_duration(timedelta(seconds=max(1, round(seconds / size)) * size))


def _title(each: Proposal) -> str:
    wanted = each.points
    path = each.sub_path or wanted.path
    said = [*wanted.tags, *([path] if path else []), *([f"on {wanted.host}"] if wanted.host else [])]
    return _comment(" ".join(said)) or each.name


def _points(each: Proposal) -> str:
    wanted = each.points
    said: dict[str, Any] = {"tags": list(wanted.tags)} if wanted.tags else {}
    said |= {"host": wanted.host} if wanted.host is not None else {}
    said |= {"path": wanted.path} if wanted.path is not None else {}
    if not said:
        return "  # points: {tags: [app=…]}          # left out: every point of the repository is its own\n"
    return "  points:                            # which points of the repository are its own\n" + "".join(
        f"    {line}\n" for line in _mapping(said)
    )


def _folders(each: Proposal) -> str:
    """Propose sub-paths where a point holds several folders, which may be several applications."""
    if each.sub_path:
        return _PART.format(sub_path=quoted(each.sub_path), manifest_of=quoted(each.manifest_of))
    if len(each.folders) < 2:
        return ""
    more = len(each.folders) - _MOST_FOLDERS
    return (
        _SEVERAL.format(name=quoted(each.name))
        + "".join(f"  # sub_path: {quoted(folder)}\n" for folder in each.folders[:_MOST_FOLDERS])
        + (f"  # … and {more} more\n" if more > 0 else "")
    )
