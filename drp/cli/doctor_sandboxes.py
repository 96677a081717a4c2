"""What the sandboxes that a site declares need of this host and this user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from drp.cli.need import Need, attempt
from drp.cli.words import first
from drp.config.site import Site
from drp.domain.phrase import Size, say, several
from drp.domain.sandbox import SandboxProfile
from drp.errors import DrpError, SandboxError

_SHOWN = 4


def sandbox_needs(site: Site, run_directory: Path) -> Iterator[Need]:
    """Yield where sandboxes live, and each declared profile that this user may not have, or that is not whole here."""
    yield attempt("place of sandboxes", lambda: _home(run_directory))
    yield attempt("left by drills that died", lambda: left_behind(run_directory))
    for profile in _profiles(site):
        yield attempt(say("sandbox {name}", name=profile.name), partial(_profile, profile, run_directory))
    for folder in _folders(site, run_directory):
        yield attempt("place of volumes", partial(_place, folder, site))


def drivers_of(site: Site) -> list[str]:
    """Return the drivers that the site's drills use."""
    return sorted({profile.driver for profile in _profiles(site)})


def _profiles(site: Site) -> list[SandboxProfile]:
    """Return every profile that a drill of the site uses, or the one that an application gets without any plan."""
    found: dict[str, SandboxProfile] = {}
    for name in site.drills:
        with suppress(DrpError):  # told with the drill itself
            found |= {recovery.sandbox.name: recovery.sandbox for recovery in site.plan(name).recoveries}
    return [found[name] for name in sorted(found)] or [site.sandboxes["default"]]


def _home(run_directory: Path) -> str:
    """Return where sandboxes would live. Raises SandboxError: the path is too long, or nobody may write there."""
    from drp.sandboxes.host.layout import home
    from drp.trust.accounts import closed_place

    place = home(run_directory)
    if (closed := closed_place(place)) is not None:
        raise SandboxError(
            say("sandboxes would live in {place}, and this user may not write in {closed}", place=place, closed=closed)
        )
    return str(place)


def left_behind(run_directory: Path) -> str:
    """Return that no drill that died left anything here. Raises ``SandboxError``, which names what it left."""
    from drp.sandboxes.host.reaper import reap

    orphans = reap(run_directory, dry_run=True)
    if not orphans:
        return say("nothing: no process, no mount, no restored data")
    places = [place for each in orphans for place in (*each.paths, *each.mounts)]
    shown = first(list(map(str, places)), _SHOWN) if places else say("no files")
    processes = sum(each.processes for each in orphans)
    raise SandboxError(
        say(
            "{n} sandboxes of drills that died are left: {processes} processes; {shown}",
            n=len(orphans),
            processes=processes,
            shown=shown,
        ),
        hint="`drp drill clean` ends them and erases what was restored; so does the next drill",
    )


def _profile(profile: SandboxProfile, run_directory: Path) -> str:
    from drp.sandboxes.registry import driver

    return driver(profile.driver).room_for(profile, run_directory)


def _folders(site: Site, run_directory: Path) -> list[Path]:
    """Return every folder in which the site's drills make volumes on disk, each once."""
    found: dict[Path, None] = {}
    for profile in _profiles(site):
        if profile.data_backing == "disk":
            found |= dict.fromkeys([Path(each) for each in profile.volumes] or [run_directory])
        found |= dict.fromkeys(Path(each.directory) for each in profile.data_volumes)
    return list(found)


def _place(folder: Path, site: Site) -> str:
    """Return what is free in a folder of volumes, and what is written on the same file system.

    Raises ``Untrusted`` where others may write to it.
    """
    from drp.sandboxes.host.image import device, room
    from drp.trust.judge import Trust, require

    require([Trust().doubt(folder)])
    free = say("{folder}, {size} free", folder=folder, size=Size(room(folder)))
    journal, evidence = say("journal"), say("evidence")
    beside = [(journal, site.state_directory), *((evidence, each) for each in site.evidence_directories)]
    shared = dict.fromkeys(what for what, place in beside if device(place) == device(folder))
    if not shared:
        return free
    return say(
        "{free}; on the same file system: {shared}; a large restore can fill it; `volumes.directories` of drp.yml "
        "names others",
        free=free,
        shared=several(shared),
    )
