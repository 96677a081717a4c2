"""What loaded SQL changed of the whole server: settings for everybody, and what it began. All is taken back.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import re

from client import Failure, Notices, rows

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
BY_THE_SERVER = re.compile(r"GTID_.*|EVENT_SCHEDULER|LAST_.*|.*_NOW")
"""What a server changes by itself, a dump may set by right (its place in the log), or is looked at apart."""


def read() -> dict[str, str]:
    """Return the settings that hold for every session to come, as hexadecimal text by name."""
    said = "SELECT variable_name, HEX(variable_value) FROM information_schema.global_variables"
    return {name: value for name, value in rows(said) if not BY_THE_SERVER.fullmatch(name)}


def give_back(before: dict[str, str], notices: Notices) -> None:
    """Set what was changed as it was before, and note it. Raises Failure for what stays changed."""
    after = read()
    for name, had in sorted(before.items()):
        if after.get(name, had) == had:
            continue
        text = bytes.fromhex(had).decode("utf-8", "replace")
        wanted = text if NUMBER.fullmatch(text) else f"CONVERT(0x{had} USING utf8mb4)" if had else "''"
        rows(f"SET GLOBAL {name} = {wanted}")
        if read().get(name) != had:
            raise Failure(
                "what was loaded set {setting} for the whole server, and it cannot be set back", setting=name.lower()
            )
        notices.add("overridden", name.lower(), "set for the whole server by what was loaded; set back")


def asleep(notices: Notices) -> None:
    """Switch off again what was loaded has switched on: events and replication."""
    if rows("SELECT @@global.event_scheduler") != [["OFF"]]:
        rows("SET GLOBAL event_scheduler = OFF")
        notices.add(
            "unused", "event_scheduler", "what was loaded switched it on: events may have changed what came back"
        )
    running = [row for row in rows("SHOW ALL SLAVES STATUS") if set(row[12:14]) != {"No"}]
    if running:
        rows("STOP ALL SLAVES")
        notices.add("held-back", "replication", "what was loaded started it; stopped")
