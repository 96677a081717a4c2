"""Runs where a check looks from: a new PostgreSQL cluster of this machine's own programs, to compare with.

It is never started as a server: one process reads the script on its standard input and ends.
"""

import os
import shutil
import subprocess
import tempfile

from said import Said

PLACES = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/postgresql-{}/bin", "/opt/PostgreSQL/{}/bin")
NOBODY = 65534
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Lacking(Said):
    """This machine cannot make one; the backup is not to blame."""


def folder_of(version, given):
    """Return the folder of a version's server programs. Raises Lacking."""
    for folder in ([given] if given else []) + [place.format(version) for place in PLACES]:
        if os.path.exists(f"{folder}/initdb") and os.path.exists(f"{folder}/postgres"):
            said = subprocess.run(
                [f"{folder}/postgres", "--version"], capture_output=True, timeout=30, check=False, env=ENVIRONMENT
            )
            if f" {version}." in said.stdout.decode("utf-8", "replace"):
                return folder
    raise Lacking("no-programs", str(version))


class Fresh:
    """A new cluster in a folder of its own, gone with ``close``."""

    def __init__(self, version, given, seconds):
        """Make it. Raises Lacking."""
        self.programs, self.seconds = folder_of(version, given), seconds
        try:
            self.folder = tempfile.mkdtemp(prefix="pg")
        except OSError as error:
            raise Lacking("no-room", str(error)) from None
        if os.geteuid() == 0:  # the server does not run as root
            os.chown(self.folder, NOBODY, NOBODY)
        self.data = f"{self.folder}/data"
        words = ["-D", self.data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C", "--wal-segsize=1"]
        self._run([f"{self.programs}/initdb", *words], b"", "not-made")

    def single(self, script, database="template1"):
        """Run statements, one a line, as the only process of the cluster. Raises Lacking."""
        words = [f"{self.programs}/postgres", "--single", "-F", "-D", self.data, "-c", "log_checkpoints=off", "-c"]
        words += ["search_path=pg_catalog", "-c", "log_min_messages=warning", "-c", "exit_on_error=on", database]
        self._run(words, script.encode(), "not-read")

    def close(self):
        """Remove it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, words, stdin, complaint):
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            ended = subprocess.run(
                words,
                input=stdin,
                capture_output=True,
                check=False,
                cwd="/",
                timeout=self.seconds,
                env=ENVIRONMENT,
                **as_nobody,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Lacking(complaint, str(error)) from None
        if ended.returncode:
            lines = ended.stderr.decode("utf-8", "replace").split("\n")
            said = [line for line in lines if "ERROR" in line or "FATAL" in line or "error" in line] or lines[-2:]
            raise Lacking(complaint, " ".join(said[:2])[:300])
