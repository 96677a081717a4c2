"""Who tries the README's first command on a bare machine, and what must come of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bare.roots import Machine
from tests.support.readme import commands, promised

DEMO = "/var/tmp/drp-demo"
_NEXT = """
. .venv/bin/activate
make servers >/tmp/servers 2>&1 &
n=0
until grep -q 'the repositories are up' /tmp/servers; do
    n=$((n + 1))
    [ $n -lt 1200 ] && kill -0 $! || { cat /tmp/servers; echo 'next: the servers do not come up'; exit 1; }
    sleep 0.1
done
cd /var/tmp/drp-demo/site
"""


class Unmet(Exception):
    """What the README promises does not hold; the message says what."""


@dataclass(frozen=True)
class Visit:
    """One kind of user."""

    who: str
    user: str
    sudo: bool
    work: Callable[[Machine, Path], str]
    """Does what this user does; returns the exit status as it is shown. Raises ``Unmet``."""


def demo(machine: Machine, log: Path) -> str:
    """Run the demo, then everything that the README says next, as the same user."""
    status = machine.run("make demo", log)
    if status != 0:
        raise Unmet(f"make demo ended with {status}")
    _require_none_of_others(machine)
    lines = [f'echo {shlex.quote(f"$ {each}")}; {each}\necho "next: $? {_name(each)}"' for each in commands()]
    machine.run(_NEXT + "\n".join(lines), log)
    ended = dict(
        reversed(line.split(" ", 1)) for line in re.findall(r"^next: (\d+ .*)$", log.read_text(), re.MULTILINE)
    )
    for each in commands():
        if ended.get(_name(each)) != str(promised(each)):
            raise Unmet(f"`{_name(each)}` ended with {ended.get(_name(each), 'nothing')}, not {promised(each)}")
    _require_none_of_others(machine)
    return "0"


def _name(command: str) -> str:
    return command.partition("#")[0].strip()


def _require_none_of_others(machine: Machine) -> None:
    """Nothing in the clone and in the site belongs to anybody but the user."""
    uid = (machine.root / machine.home.lstrip("/")).stat().st_uid
    for top in (f"{machine.home}/drp", f"{DEMO}/site"):
        for path in (machine.root / top.lstrip("/")).rglob("*"):
            if path.lstat().st_uid != uid:
                raise Unmet(f"{top}: {path.name} belongs to user id {path.lstat().st_uid}")


def refusal(machine: Machine, log: Path) -> str:
    """Without rights, and again without sudo: told what to install, exit status 10, nothing else happens."""
    for without in ("rights", "sudo"):
        if without == "sudo":
            for name in ("sudo", "sudoedit"):
                (machine.root / "usr/bin" / name).unlink(missing_ok=True)
        made, direct = machine.run("make demo", log), machine.run("sh tests/setup/system.sh", log)
        told = log.read_text()
        if (made, direct) != (2, 10):
            raise Unmet(f"without {without} make ended with {made} and system.sh with {direct}, not with 2 and 10")
        for expected in ("cannot install: ", "bubblewrap", "HINT: run as root: apt-get", "Error 10"):
            if expected not in told:
                raise Unmet(f"without {without} nobody said {expected!r}")
        if "Traceback" in told:
            raise Unmet(f"without {without} there was a traceback")
        log.rename(log.with_suffix(f".{without}"))
    return "10 (make: 2)"


VISITS = (
    Visit("root", "root", sudo=False, work=demo),
    Visit("sudo", "nurse", sudo=True, work=demo),
    Visit("plain", "nurse", sudo=False, work=refusal),
)
