"""The configuration that a restored server brings, as far as a drill needs it, and the drill's own on top of it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pg_settings
from pg_common import RUN, Failure, notice, printable, run_tool, said

_INVALID = re.compile(
    r"(?:LOG|FATAL|ERROR): +(?:[^:]*: )?((?:invalid value for|unrecognized configuration) parameter .*|.*could not.*)"
)
_LOCALE = re.compile(r'parameter "(lc_monetary|lc_numeric|lc_time)": "([^"]*)"')


class Configuration:
    """The restored configuration file, and what the server makes of it."""

    def __init__(self, programs: Path, data: Path, given: str, root: Path) -> None:
        """Find it and prove that this machine's server takes it. Raises Failure naming each setting that it does not.

        A locale that is not installed here is replaced in a configuration of the drill's own that includes the
        restored one: it decides how money and days are written, and nothing else.
        """
        self.programs, self.data = programs, data
        self.notices: list[dict[str, str]] = []
        self.path = root / given if given else data / "postgresql.conf"
        if not self.path.exists():
            if given:
                raise Failure("there is no {path}: is config_file right?", path=self.path)
            self.path = RUN / "postgresql.conf"
            self.path.write_text("")
        complaints = self._complaints()
        missing = {found[1]: found[2] for found in map(_LOCALE.search, complaints) if found}
        if missing:
            own = RUN / "postgresql.own.conf"
            quoted = str(self.path).replace("'", "''")
            own.write_text("\n".join([f"include '{quoted}'", *(f"{name} = 'C'" for name in missing)]) + "\n")
            self.path = own
            for name, value in missing.items():
                self.notices.append(
                    notice(
                        "overridden", name, said("the locale {value} is not installed where drills run: C", value=value)
                    )
                )
            complaints = self._complaints()
        if complaints:
            first = "; ".join(printable(line, 160) for line in complaints[:4])
            raise Failure(
                "this machine's server does not take the restored configuration: {complaints}", complaints=first
            )

    def _postgres(self, setting: str) -> Any:
        words = ["-D", self.data, "-c", f"config_file={self.path}", "-c", f"data_directory={self.data}", "-C", setting]
        return run_tool([self.programs / "postgres", *words])

    def _complaints(self) -> list[str]:
        ended = self._postgres("data_directory")
        if ended.returncode == 0:
            return []
        said = [found.group(1) for found in map(_INVALID.search, ended.stderr.splitlines()) if found]
        return said or [line for line in ended.stderr.splitlines() if line.strip()][-1:] or [f"exit {ended.returncode}"]

    def value(self, setting: str) -> str:
        """Return a setting as the restored configuration has it, empty if the server does not know it."""
        ended = self._postgres(setting)
        return ended.stdout.strip() if ended.returncode == 0 else ""

    def installed(self, library: str) -> bool:
        """Return whether a library is there for this machine's server."""
        folder = run_tool([self.programs / "pg_config", "--pkglibdir"]).stdout.strip()
        path = Path(library.replace("$libdir", folder) if "/" in library else f"{folder}/{library}")
        return not folder or path.exists() or path.with_name(f"{path.name}.so").exists()

    def keys(self) -> str:
        """Return whether TLS can be on: only with the keys restored. Without them the server would not start."""
        if self.value("ssl") != "on":
            return "off"
        files = [os.path.join(self.data, self.value(name)) for name in ("ssl_key_file", "ssl_cert_file")]
        return "on" if all(os.access(name, os.R_OK) for name in files) else "off"


def overrides(
    request: dict[str, Any], configuration: Configuration, version: int, preload: list[str]
) -> tuple[Any, Any]:
    """Return the drill's settings as ``name=value``, and what was told about the libraries.

    ``preload`` are libraries that the extensions of a dump need. No library's own workers start where one stays that
    could bring any.
    """
    kept, braked, workers = pg_settings.libraries(configuration.value("shared_preload_libraries"))
    absent = [library for library in kept if pg_settings.quiet(library) and not configuration.installed(library)]
    kept = [library for library in kept if library not in absent]
    tls = configuration.keys()
    words = [f"{name}={value}" for name, value in request["settings"].items()]
    words += [
        f"config_file={configuration.path}",
        f"data_directory={configuration.data}",
        f"hba_file={RUN}/pg_hba.conf",
        f"ident_file={RUN}/pg_ident.conf",
        f"port={request['port']}",
        f"listen_addresses={','.join(dict.fromkeys(['127.0.0.1', *request['addresses']]))}",
        f"ssl={tls}",
        *pg_settings.words(pg_settings.ALWAYS, version),
    ]
    if braked or absent or preload:
        words.append(f"shared_preload_libraries={','.join([*kept, *preload])}")
    if workers or preload:
        words.append("max_worker_processes=0")
    if request["dumps"]:
        words.append(f"cluster_name={version}/main")  # as packages call it
        words += ["wal_level=minimal", "max_wal_senders=0", "max_wal_size=4GB"]
    elif "autovacuum" not in request["settings"]:
        words.append("autovacuum=off")  # a restored server is looked at, not tended: a page that it reads is read once
    notices = [notice("held-back", library, "a library that works by itself; not loaded") for library in braked]
    notices += [
        notice("overridden", library, "a library that is not installed where drills run; left out")
        for library in absent
    ]
    told = {"braked": [printable(library) for library in braked], "tls": tls}
    return words, {**told, "workers": "none" if workers or preload else "as restored", "notices": notices}
