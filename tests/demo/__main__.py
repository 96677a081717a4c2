"""Sets the stage where it is missing, backs up, runs both drills as a user would, and says where the results are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.support.rig import Rig

HOME = Path(
    os.environ.get("DRP_DEMO", "/var/tmp/drp-demo" if os.geteuid() == 0 else f"/var/tmp/drp-demo-{os.geteuid()}")
)
DRILLS = ("ehr-worm", "ehr-airgap")


def serve() -> int:
    """Keep the demo's servers running until Ctrl-C, for drills by hand."""
    with Rig(HOME) as rig, suppress(KeyboardInterrupt):
        say(f"production and repositories are up; in another terminal: cd {rig.site} && drp drill run ehr-worm")
        signal.pause()
    return 0


def main() -> int:
    """Return 0 when both drills passed."""
    started = time.monotonic()
    with Rig(HOME, patients=20_000, encounters=400_000, document_megabytes=100) as rig:
        say(f"production   PostgreSQL and documents in {rig.ehr.folder}")
        say(f"repositories WORM: {rig.server.endpoint}/{rig.bucket} (object lock), air-gapped: {rig.medium}")
        rig.ehr.write("the last thing written before the disaster")
        points = rig.backup()
        say(f"backed up    manifest {points['manifest'][:12]}, points {points['worm'][:8]} and {points['medium'][:8]}")
        say(f"ready after  {time.monotonic() - started:.0f} s; now the disaster")
        endings = [drill(rig, name) for name in DRILLS]
    say(f"\ndone in {time.monotonic() - started:.0f} s")
    say(
        f"look around: . {Path(sys.prefix) / 'bin/activate'} && cd {rig.site} && drp drill list && drp drill show latest"
    )
    return max(endings)


def drill(rig: Rig, name: str) -> int:
    """Run one drill with its output on this terminal, and write its report."""
    say("")
    environment = {**os.environ, "DRP_SITE": str(rig.site)}
    ending = subprocess.run(
        [sys.executable, "-m", "drp", "drill", "run", name], env=environment, check=False
    ).returncode
    report = HOME / f"{name}.html"
    rig.drp("report", "latest", "--format", "html", "-o", str(report), check=False)
    say(f"record:   {rig.site / 'evidence'}")
    say(f"report:   {report}")
    return ending


def say(text: str) -> None:
    """Say one line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(serve() if sys.argv[1:] == ["serve"] else main())
