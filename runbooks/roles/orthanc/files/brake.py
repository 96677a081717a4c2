"""Keep a restored Orthanc from acting by itself, and say what would have: the scripts, plugins and limits it has.

What is loaded is the software that is installed where drills run. Code that came with the backup could answer for the
data, so it stays out, but for a plugin that the application's file trusts by its digest. Modalities and peers stay as
they are, to be read: nothing sends to them by itself. It runs inside the sandbox on the bare Python of the machine that
drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Union

from code_of import Place, digest_of, fetched
from configuration import Limit

SHOWN = 200
NAMED = 10
SCRIPTS = (("LuaScripts", []), ("PythonScript", None), ("LuaHeartBeatPeriod", None), ("HttpProxy", None))
ANSWERS = (
    ("Python", "Path", "is a script that acts and answers"),
    ("Pkcs11", "Module", "is code that Orthanc loads"),
    ("ServeFolders", "", "answers for Orthanc with files of the backup"),
    ("Java", "", "is code that a plugin loads"),
)
"""Sections of the configuration that name restored code, or files that would be given for answers."""
DRIVER = re.compile(r"\bDriver\s*=\s*\{?\s*(/[^;}]*)", re.IGNORECASE)
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


Text = Union[str, "tuple[str, dict[str, Any]]"]
"""Words; or a message with data in it, and the data."""


class Brake:
    """Changes settings for the drill, and keeps what there was."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.found: list[str] = []
        """Names of the settings that would have acted."""
        self.notices: list[dict[str, Any]] = []

    def note(self, kind: str, subject: Text, observed: Text) -> None:
        """Keep one thing to tell; of many of one kind with the same words, the first ten.

        A text with data in it is a message and its values, which are told beside its words.
        """
        words = shown(_words(observed))
        same = [each for each in self.notices if (each["kind"], each["observed"]) == (kind, words)]
        if len(same) < NAMED:
            texts = (("subject", subject), ("observed", observed))
            told = {name: _told(one) for name, one in texts if not isinstance(one, str)}
            notice = {"kind": kind, "subject": shown(_words(subject)), "observed": words}
            self.notices.append({**notice, **({"said": told} if told else {})})

    def take(self) -> None:
        """Switch off what acts by itself."""
        for name, off in SCRIPTS:
            self._script(name, off)
        self._answers()
        sections = [(self.settings, ""), (self.settings.get("AdvancedStorage"), "AdvancedStorage.")]
        for section, prefix in sections:
            for name, switch, does in SWITCHES:
                self._switch(section, prefix, name, switch, does)
        for name in LIMITS:
            value = self.settings.get(name)
            if value not in (None, 0, "0"):
                self.note(
                    "overridden",
                    name,
                    ("production has {value}, at which patients are deleted; the drill 0", {"value": value}),
                )
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

    def _answers(self) -> None:
        """Take out what would load restored code, or answer with restored files in Orthanc's place."""
        for name, key, does in ANSWERS:
            section = self.settings.pop(name, None)
            said = section.get(key) if key and isinstance(section, dict) else section
            if said:
                self.found.append(name)
                named = f" {os.path.basename(str(said))}" if isinstance(said, str) else ""
                self.note("held-back", f"{name}{named}", does)

    def _switch(self, section: Any, prefix: str, name: str, switch: str, does: str) -> None:
        inner = section.get(name) if isinstance(section, dict) else None
        if isinstance(inner, dict) and inner.get(switch):
            section[name] = {**inner, switch: False}
            self.found.append(prefix + name)
            self.note("held-back", prefix + name, does)

    def plugins(self, trusted: list[str], place: Place) -> None:
        """Keep the plugins that are known to do nothing by themselves, as they are installed here; name the others."""
        named = {name: digest for name, _, digest in (each.partition("@") for each in trusted)}
        chosen: list[str] = []
        wanted = self.settings.get("Plugins") or []
        for path in wanted if isinstance(wanted, list) else [wanted]:
            for file in _files(str(path)):
                taken = self._plugin(file, named, place)
                if taken and taken not in chosen:
                    chosen.append(taken)
        self.settings["Plugins"] = chosen

    def _plugin(self, path: str, trusted: dict[str, str], place: Place) -> str:
        base = os.path.basename(path)
        if ".so" not in base:
            self.note("unused", f"plugins {path}", "a folder that is not here: which plugins it has is not known")
            return ""
        kind = re.sub(r"^lib(orthanc)?", "", base.lower()).partition(".")[0]
        if kind in ELSEWHERE and base not in trusted:
            raise Limit(f"{shown(base)} keeps the images in a store that no drill reaches: restore them into a folder")
        needed = base in trusted or self._is_on(*NEEDED.get(kind, ("", "")))
        digest = "" if place.is_software(path) else digest_of(path)
        if digest and trusted.get(base) == digest:
            return fetched(path, place.kept, digest)
        if (kind not in INERT and base not in trusted) or (kind.startswith("odbc") and not self._own_driver(place)):
            self.found.append(base)
            unknown = _how("unknown, so it may act by itself", base, digest)
            self.note("held-back", ("plugin {name}", {"name": base}), unknown)
            return ""
        here = next((each for each in place.candidates(path) if os.path.isfile(each)), "")
        if digest and (not here or digest_of(here) != digest):
            self.found.append(base)
            why = _how("is code of the backup, and not loaded", base, digest)
            if here:
                why = ("is code of the backup, and not loaded: that of the software is", {})
            self.note("held-back", ("plugin {name}", {"name": base}), why)
        if not here and needed:
            raise Limit(
                f"the plugin {shown(base)} {ABSENT}{', or trust it: ' + _named(base, digest) if digest else ''}"
            )
        if not here and not digest:
            self.note("unused", ("plugin {name}", {"name": base}), ABSENT)
        return here

    def _own_driver(self, place: Place) -> bool:
        """Return whether the drivers of ODBC that the configuration names are those that are installed here."""
        section = self.settings.get("Odbc")
        words = [str(value) for value in section.values()] if isinstance(section, dict) else []
        return all(place.is_software(found.strip()) for word in words for found in DRIVER.findall(word))

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
                doing = ("{state}, to {place}", {"state": state, "place": towards}) if towards else str(state)
                self.note("held-back", ("job {name}", {"name": inner.get("Type")}), doing)


def _words(text: Text) -> str:
    """Return a text in English."""
    return text if isinstance(text, str) else text[0].format(**text[1])


def _told(text: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the message that a text is made from, and its values."""
    return {"message": text[0], "values": {name: shown(value) for name, value in text[1].items()}}


def _how(why: str, base: str, digest: str) -> tuple[str, dict[str, Any]]:
    """Return why a plugin is not loaded, and how it is trusted; what came with the backup by its digest."""
    if digest:
        return why + ": name {name} in `plugins`", {"name": f"{base}@{digest}"}
    return why + ": name it in `plugins` to load it", {}


def _named(base: str, digest: str) -> str:
    """Return how a plugin is trusted, for a sentence about something else."""
    return _words(_how("", base, digest))[2:]


def _files(path: str) -> list[str]:
    """Return a plugin, or those of a folder."""
    if not os.path.isdir(path):
        return [path]
    return sorted(str(each) for each in Path(path).glob("*.so*"))
