"""Keep a restored Orthanc from acting by itself, and say what would have: the scripts, plugins and limits it has.

Modalities and peers stay as they are, to be read: nothing sends to them by itself. It runs inside the sandbox on the
bare Python of the machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from configuration import Limit

SHOWN = 120
NAMED = 10
SCRIPTS = (("LuaScripts", []), ("PythonScript", None), ("LuaHeartBeatPeriod", None), ("HttpProxy", None))
SWITCHES = (
    ("Housekeeper", "Enable", "rebuilds what is stored"),
    ("DelayedDeletion", "Enable", "deletes files that wait for it"),
    ("Indexer", "Enable", "takes images from folders, and forgets those that are gone"),
    ("OHIF", "Preload", "prepares studies for its viewer"),
)
LIMITS = ("MaximumStorageSize", "MaximumPatientCount")
"""Beyond them Orthanc deletes the oldest patients as soon as it starts."""
INERT = {
    "advancedstorage", "connectivitychecks", "delayeddeletion", "dicomweb", "explorer2", "gdcm", "housekeeper",
    "indexer", "modalityworklists", "mysqlindex", "mysqlstorage", "neuro", "odbcindex", "odbcstorage", "ohif",
    "osimiswebviewer", "postgresqlindex", "postgresqlstorage", "python", "servefolders", "stl", "stonewebviewer",
    "tcia", "transfers", "volview", "webviewer", "worklists", "wsi",
}  # fmt: skip
"""Plugins that only answer, or are switched off above."""
ELSEWHERE = {"awss3storage", "azureblobstorage", "googlecloudstorage"}
"""Plugins that keep the images where no drill reaches them."""
NEEDED = {
    "advancedstorage": ("AdvancedStorage", "Enable"),
    "mysqlindex": ("MySQL", "EnableIndex"),
    "mysqlstorage": ("MySQL", "EnableStorage"),
    "odbcindex": ("Odbc", "EnableIndex"),
    "odbcstorage": ("Odbc", "EnableStorage"),
    "postgresqlindex": ("PostgreSQL", "EnableIndex"),
    "postgresqlstorage": ("PostgreSQL", "EnableStorage"),
}
"""Plugins without which there is nothing to start, where a section of the configuration switches them on."""
ABSENT = "is not here: install it where drills run, or declare an image that has it"


def shown(text: object) -> str:
    """Return restored text bounded, and without anything that a terminal would act on."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(text))[:SHOWN]


class Brake:
    """Changes settings for the drill, and keeps what there was."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.found: list[str] = []
        """Names of the settings that would have acted."""
        self.notices: list[dict[str, str]] = []

    def note(self, kind: str, subject: str, observed: str) -> None:
        """Keep one thing to tell; of many of one kind with the same words, the first ten."""
        same = [each for each in self.notices if (each["kind"], each["observed"]) == (kind, shown(observed))]
        if len(same) < NAMED:
            self.notices.append({"kind": kind, "subject": shown(subject), "observed": shown(observed)})

    def take(self) -> None:
        """Switch off what acts by itself."""
        for name, off in SCRIPTS:
            self._script(name, off)
        sections = [(self.settings, ""), (self.settings.get("AdvancedStorage"), "AdvancedStorage.")]
        for section, prefix in sections:
            for name, switch, does in SWITCHES:
                self._switch(section, prefix, name, switch, does)
        for name in LIMITS:
            value = self.settings.get(name)
            if value not in (None, 0, "0"):
                self.note("overridden", name, f"production has {value}, at which patients are deleted; the drill 0")
            self.settings[name] = 0
        self.settings.update(SaveJobs=False, ExecuteLuaEnabled=False)

    def _script(self, name: str, off: object) -> None:
        value = self.settings.get(name)
        if value and name != "HttpProxy":  # which only says how others are reached
            self.found.append(name)
            for each in value if isinstance(value, list) else [value]:
                self.note("held-back", f"{name} {os.path.basename(str(each))}", "acts on what is stored, or sends it")
        if off is None:
            self.settings.pop(name, None)
        else:
            self.settings[name] = off

    def _switch(self, section: Any, prefix: str, name: str, switch: str, does: str) -> None:
        inner = section.get(name) if isinstance(section, dict) else None
        if isinstance(inner, dict) and inner.get(switch):
            section[name] = {**inner, switch: False}
            self.found.append(prefix + name)
            self.note("held-back", prefix + name, does)

    def plugins(self, trusted: list[str], places: list[Path]) -> None:
        """Keep the plugins that are known to do nothing by themselves, at their places here, and name the others."""
        chosen: list[str] = []
        wanted = self.settings.get("Plugins") or []
        for path in wanted if isinstance(wanted, list) else [wanted]:
            for file in _files(str(path)):
                place = self._plugin(file, trusted, places)
                if place and place not in chosen:
                    chosen.append(place)
        self.settings["Plugins"] = chosen

    def _plugin(self, path: str, trusted: list[str], places: list[Path]) -> str:
        base = os.path.basename(path)
        if ".so" not in base:
            self.note("unused", f"plugins {path}", "a folder that is not here: which plugins it has is not known")
            return ""
        kind = re.sub(r"^lib(orthanc)?", "", base.lower()).partition(".")[0]
        if kind in ELSEWHERE and base not in trusted:
            raise Limit(f"{shown(base)} keeps the images in a store that no drill reaches: restore them into a folder")
        if kind not in INERT and base not in trusted:
            self.found.append(base)
            self.note(
                "held-back", f"plugin {base}", "unknown, so it may act by itself: name it in `plugins` to load it"
            )
            return ""
        here = [path, *(str(folder / base) for folder in places)]
        place = next((each for each in here if os.path.isfile(each)), "")
        if not place and (base in trusted or self._is_on(*NEEDED.get(kind, ("", "")))):
            raise Limit(f"the plugin {shown(base)} {ABSENT}")
        if not place:
            self.note("unused", f"plugin {base}", ABSENT)
        return place

    def _is_on(self, section: str, switch: str) -> bool:
        inner = self.settings.get(section)
        return isinstance(inner, dict) and bool(inner.get(switch))

    def jobs(self, registry: object) -> None:
        """Name the jobs that were under way; kept, Orthanc would resume them."""
        jobs = registry.get("Jobs") if isinstance(registry, dict) else None
        for job in jobs.values() if isinstance(jobs, dict) else []:
            state = job.get("State") if isinstance(job, dict) else None
            if state in {"Pending", "Running", "Paused", "Retry"}:
                inner = job.get("Job") if isinstance(job.get("Job"), dict) else {}
                remote = inner.get("Remote") if isinstance(inner.get("Remote"), dict) else {}
                towards = remote.get("AET") or remote.get("Host") or inner.get("Peer") or ""
                self.note("held-back", f"job {inner.get('Type')}", f"{state}{f', to {towards}' if towards else ''}")


def _files(path: str) -> list[str]:
    """Return a plugin, or those of a folder."""
    if not os.path.isdir(path):
        return [path]
    return sorted(str(each) for each in Path(path).glob("*.so*"))
