"""Why a slot starts, waits or ends as it does: codes with the values that their sentences need. Pure.

Sentences are made at the edge (catalogues in reports/locales); nothing reads one back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from drp.domain.precheck_words import size

REASONS: dict[str, str] = {
    "due-now": "its time has come, and all of it fits",
    "before-its-time": "it starts at {at}",
    "jitter": "starts are spread: it starts at {at}",
    "outside-window": "it needs {expected} and fits the window that begins at {at}",
    "no-window": "no window within {within} is long enough for {expected}",
    "no-room": "windows and closed times leave no room for {expected} within {within}: {reason}",
    "blackout": "no drills until {at}: {reason}",
    "frozen": "no drills until further notice: {reason}",
    "paused": "paused by {by} until {at}: {reason}",
    "skipped": "taken out by {by}: {reason}",
    "running": "drill {drill} is running for it",
    "awaiting-approval": "drill {drill} waits for approval by {approvers} until {at}",
    "behind-approval": "the site is held by drill {drill}, which waits for approval by {approvers} until {at}",
    "behind-drill": "drill {drill} of this site is at work",
    "site-busy": "something else of this site is at work",
    "looks-for-room": "its worker on {host} looks for room",
    "queued": "waits behind {ahead} other drills",
    "key-busy": "another drill reads repository {repository}",
    "memory-lacking": "it takes {needed_bytes} of memory, and the drill host has {free_bytes}",
    "space-lacking": "{folder} on the drill host has only {free_bytes} left",
    "sandbox-lacking": "the drill host cannot make a sandbox for {application}: {detail}",
    "backup-running": "backups of {repository} run until {at}",
    "backup-due": "it would meet the backups of {repository}, from {since} until {at}",
    "backup-writing": "{host} has written to {repository} since {since}",
    "feed-unreadable": "its calendar {feed} cannot be read, so nobody knows whether it may run",
    "too-late": "nobody started it within {within}",
    "covered": "drill {drill} stands for it",
    "newer-slot": "a later slot, of {at}, stands for it",
    "many-missed": "at least {count} slots from {first} on came while the scheduler was not there",
    "in-order": "{ahead} earlier slots of its policy come first",
    "clock-behind": "the clock is behind the register, which knows slots up to {at}",
    "catch-up-skipped": "the scheduler was not there, and late drills are not wanted",
    "worker-died": "its worker died, and what it had begun was cleaned",
    "wave-failed": "the group's drill of {application} did not pass",
    "policy-gone": "its policy is not in force any more",
    "no-plan": "the site has no plan that holds it: {detail}",
    "file-unreadable": "the file of {application} cannot be read",
    "not-in-plan": "plan {plan} does not recover it",
    "held": "drill {drill}",
    "aborted": "drill {drill} was aborted",
    "stopped": "stopped by {by} before it began",
    "not-started": "the drill could not be started: {detail}",
    "approval-missing": "nobody approved drill {drill} in time",
    "approval-refused": "{by} refused drill {drill}",
    "waits-for": "waits for a passed drill of plan {plan}",
}
"""Code → its English sentence. Values in braces are strings: instants are ISO 8601 in UTC, durations ``1d12h``; those
named ``_bytes`` are numbers."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something waits."""

    code: str
    """A key of `REASONS`."""
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Return its English sentence, for what programs tell one another."""
        values = {name: size(int(said)) if name.endswith("_bytes") else said for name, said in self.values.items()}
        return REASONS[self.code].format(**values)


TOO_LATE = "too-late"
"""That nobody started it: what it waited for says more."""


def shown_instant(instant: datetime) -> str:
    """Return an instant as values of reasons give it: ``2026-11-29T22:00:00Z``."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def shown_span(span: timedelta) -> str:
    """Return a duration as values of reasons give it, and as people write it in files: ``1d12h``, ``0s``."""
    rest, text = int(span.total_seconds()), ""
    for unit, seconds in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        number, rest = divmod(rest, seconds)
        text += f"{number}{unit}" if number else ""
    return text or "0s"
