"""Builds a hospital, backs it up while people work in it, loses it, drills it as a user would, and shows what is lost.

Then it shows what happens without anybody typing: a drill that is due, and an occasion that nobody kept. And in the
end somebody else types: an intruder with the backup job's keys, after whom the hospital comes back all the same.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.demo import attack, schedule
from tests.demo.owner import Owner, as_root, require_own
from tests.hospital.install import installed
from tests.hospital.processes import HospitalError
from tests.hospital.rig import HospitalRig
from tests.support.words import in_words

HOME = Path(os.environ.get("DRP_DEMO", "/var/tmp/drp-demo"))
DRILL = "hospital"


def serve() -> int:
    """Keep the demo's repositories running until Ctrl-C, for drills by hand."""
    owner = Owner.of_this_run()
    with HospitalRig(HOME, quick_keys=False, say=progress()) as rig, suppress(KeyboardInterrupt):
        owner.take(HOME)
        say(f"the repositories are up; in another terminal: cd {rig.site} && drp drill run {DRILL}")
        signal.pause()
    return 0


def main() -> int:
    """Return 0 when every application came back, whatever is found to disagree between them."""
    started, owner = time.monotonic(), Owner.of_this_run()
    try:
        with HospitalRig(HOME, quick_keys=False, say=progress()) as rig:
            say("")
            for name, kept in sorted(rig.kept.items(), key=lambda item: item[1].consistent_at):
                where = "WORM bucket" if kept.repository == "worm" else "air-gapped medium"
                say(f"  {name:<6} consistent at {kept.consistent_at:%H:%M:%S}Z   on the {where}")
            say(f"  lost   at {rig.disaster_at:%H:%M:%S}Z            ready after {time.monotonic() - started:.0f} s\n")
            owner.take(HOME)
            drp = drp_of(rig, owner)
            due = schedule.plan(rig.site, drp)
            record, ended = drilled(drp)
            told(record)
            scheduled = schedule.hold(due, drp, say)
            with attack.undone(rig):
                attacked, outcome = attack.hold(rig, drp, say)
            attack.told(attacked, say)
    finally:
        if HOME.exists():
            owner.take(HOME)
    say(f"\n  record   {rig.site / 'evidence'}")
    say(f"  reports  {HOME / DRILL}.html, {HOME / attack.DRILL}.html")
    say(f"  by hand  . {Path(sys.prefix) / 'bin/activate'}, `make servers` in another terminal, and cd {rig.site}")
    say(f"  done in {time.monotonic() - started:.0f} s")
    if not all_came_back(record):
        return ended or 1
    return scheduled if all_came_back(attacked) else outcome or 1


def drp_of(rig: HospitalRig, owner: Owner) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a way to call drp as the demo's owner does by hand."""
    environment = {**os.environ, **owner.home(), "DRP_SITE": str(rig.site)}

    def drp(*words: str, check: bool = False, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "drp", *words]
        return subprocess.run(command, env=environment, cwd=HOME, text=True, check=check, **owner.identity(), **options)

    return drp


def drilled(drp: Callable[..., subprocess.CompletedProcess[str]]) -> tuple[dict[str, Any], int]:
    """Drill by hand, and write the report; returns the record and the drill's exit status."""
    ended = drp("drill", "run", DRILL).returncode
    drp("report", "latest", "--format", "html", "-o", str(HOME / f"{DRILL}.html"), stdout=subprocess.DEVNULL)
    record = drp("report", "latest", "--format", "json", stdout=subprocess.PIPE).stdout
    return in_words(json.loads(record)), ended


def told(record: dict[str, Any]) -> None:
    """Say what each application lost, and what disagrees between them, with what to do."""
    say("\nwhat was lost, of what users had been told is safe")
    for recovery in record["recoveries"]:
        measured = recovery["measurement"]
        for check in (recovery["verify"] or {"checks": []})["checks"]:
            if loss := check["loss"]:
                name, lost = recovery["recovery"], f"{loss['lost']:>3} of {loss['acknowledged']} writes"
                say(
                    f"  {name:<5} {lost:<20} RTA {seconds(measured['rta_ms'])}   RPA {seconds(measured['rpa_upper_ms'])}"
                )
                say(f"        {shortened(', '.join(loss['named']))}")
    say("\nwhat to do: each application is in perfect health, and together they are not yet a hospital")
    for recovery in record["recoveries"]:
        for finding in recovery["findings"]:
            if finding["code"].startswith("DRP-A"):
                say(f"  {recovery['recovery']:<5} {finding['subject']}")
                say(f"        → {finding['remedy']}")


def seconds(milliseconds: int | None) -> str:
    return "unknown" if milliseconds is None else f"{milliseconds / 1000:.0f} s"


def all_came_back(record: dict[str, Any]) -> bool:
    """Return whether every application was started and passed its own checks."""
    checks = [check for recovery in record["recoveries"] for check in (recovery["verify"] or {"checks": []})["checks"]]
    return all(one["verify"] for one in record["recoveries"]) and all(check["outcome"] == "passed" for check in checks)


def shortened(text: str, most: int = 100) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def progress() -> Callable[[str], None]:
    """Return a way to say what is being done, each with the time since the beginning."""
    started = time.monotonic()
    return lambda text: say(f"[{time.monotonic() - started:5.1f} s] {text}")


def say(text: str) -> None:
    """Say one line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def can_serve() -> bool:
    """Return whether the repositories can be started without root: all is there, and it is the caller's."""
    own = HOME.exists() and HOME.stat().st_uid == os.geteuid()
    return own and HospitalRig(HOME).usable() and installed()


if __name__ == "__main__":
    os.umask(0o022)  # accounts of the hospital read what is built here
    require_own(HOME)
    serving = sys.argv[1:] == ["serve"]
    if not (serving and can_serve()):
        as_root()
    try:
        sys.exit(serve() if serving else main())
    except HospitalError as error:
        say(f"the hospital cannot be built: {error}\nHINT: run it again; what was built stays in {HOME}")
        sys.exit(1)
