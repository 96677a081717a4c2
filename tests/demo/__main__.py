"""Builds a hospital, backs it up while people work in it, loses it, drills it as a user would, and shows what is lost."""

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

from tests.hospital.rig import HospitalRig

HOME = Path(os.environ.get("DRP_DEMO", "/var/tmp/drp-demo"))
DRILL = "hospital"


def serve() -> int:
    """Keep the demo's repositories running until Ctrl-C, for drills by hand."""
    with HospitalRig(HOME, say=progress()) as rig, suppress(KeyboardInterrupt):
        say(f"the repositories are up; in another terminal: cd {rig.site} && drp drill run {DRILL}")
        signal.pause()
    return 0


def main() -> int:
    """Return 0 when every application came back, whatever is found to disagree between them."""
    started = time.monotonic()
    with HospitalRig(HOME, say=progress()) as rig:
        say("")
        for name, kept in sorted(rig.kept.items(), key=lambda item: item[1].consistent_at):
            where = "WORM bucket" if kept.repository == "worm" else "air-gapped medium"
            say(f"  {name:<6} consistent at {kept.consistent_at:%H:%M:%S}Z   on the {where}")
        say(f"  lost   at {rig.disaster_at:%H:%M:%S}Z            ready after {time.monotonic() - started:.0f} s\n")
        environment = {**os.environ, "DRP_SITE": str(rig.site)}
        words = [sys.executable, "-m", "drp", "drill", "run", DRILL]
        ended = subprocess.run(words, env=environment, check=False).returncode
        report = HOME / f"{DRILL}.html"
        rig.drp("report", "latest", "--format", "html", "-o", str(report), check=False)
        record = json.loads(rig.drp("report", "latest", "--format", "json").stdout)
    told(record)
    say(f"\n  record   {rig.site / 'evidence'}")
    say(f"  report   {report}")
    say(f"  by hand  . {Path(sys.prefix) / 'bin/activate'}, `make servers` in another terminal, and cd {rig.site}")
    say(f"  done in {time.monotonic() - started:.0f} s")
    return 0 if all_came_back(record) else ended or 1


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


def as_root() -> None:
    """Go on as root: the hospital's servers run as their own accounts, in a network of their own."""
    if os.geteuid() != 0:
        say("the hospital is built as root: going on with sudo")
        os.execvp("sudo", ["sudo", "--preserve-env", sys.executable, "-m", "tests.demo", *sys.argv[1:]])


if __name__ == "__main__":
    as_root()
    sys.exit(serve() if sys.argv[1:] == ["serve"] else main())
