"""Whom the demo is for: it is built as root, and what comes of it belongs to whoever asked for it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIGURATION = 10
"""Exit status: what is needed is not there."""


@dataclass(frozen=True)
class Owner:
    """An account: the one that called sudo, else the one that the checkout belongs to."""

    uid: int
    gid: int

    @classmethod
    def of_this_run(cls) -> Owner:
        """Return whom everything is handed to in the end."""
        asked = os.environ.get("SUDO_UID", "")
        if os.geteuid() == 0 and asked.isdigit() and int(asked):
            return cls(int(asked), int(os.environ["SUDO_GID"]))
        if os.geteuid() == 0:
            checkout = CHECKOUT.stat()
            return cls(checkout.st_uid, checkout.st_gid)
        return cls(os.geteuid(), os.getegid())

    @property
    def somebody_else(self) -> bool:
        """Return whether it is not who runs this."""
        return self.uid != os.geteuid()

    def take(self, folder: Path) -> None:
        """Hand over a folder, and of the checkout what root made there: environment, caches, byte code."""
        if self.somebody_else:
            whom = f"{self.uid}:{self.gid}"
            subprocess.run(["chown", "-hR", whom, str(folder)], check=True)
            checkout = CHECKOUT.stat()
            if checkout.st_uid:
                whom = f"{checkout.st_uid}:{checkout.st_gid}"
                subprocess.run(["chown", "-hR", "--from=0", whom, str(CHECKOUT)], check=True)

    def identity(self) -> dict[str, Any]:
        """Return how a process runs as this account, for `subprocess`: nothing where it is who runs this."""
        if not self.somebody_else:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": [self.gid]}

    def home(self) -> dict[str, str]:
        """Return the account's HOME, for an environment."""
        try:
            return {"HOME": pwd.getpwuid(self.uid).pw_dir}
        except KeyError:  # an account without a name
            return {"HOME": "/nonexistent"}


def require_own(folder: Path) -> None:
    """End the program when the folder of the demo is a stranger's: it would hold our keys."""
    if folder.is_symlink() or (folder.exists() and folder.stat().st_uid not in {0, Owner.of_this_run().uid}):
        refuse(f"{folder} belongs to another user", "name another folder in DRP_DEMO")


def as_root() -> None:
    """Go on as root: the hospital's servers run as their own accounts, in a network of their own."""
    if os.geteuid() == 0:
        return
    print("the hospital is built as root: going on with sudo", flush=True)
    if shutil.which("sudo") is None or subprocess.run(["sudo", "true"], check=False).returncode != 0:
        refuse("the demo needs root: its servers run as accounts of their own", "run `make demo` as root or with sudo")
    # root's byte code would stay in the checkout, its caches in the caller's home
    words = ["sudo", "--preserve-env", "--set-home", sys.executable, "-B", "-m", "tests.demo", *sys.argv[1:]]
    os.execvp("sudo", words)


def refuse(what: str, hint: str) -> None:
    """Say why the demo cannot go on, and end with the exit status of a missing need."""
    print(f"{what}\nHINT: {hint}", file=sys.stderr)
    sys.exit(CONFIGURATION)
