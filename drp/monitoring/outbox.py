"""Hands everything that leaves the machine to one process of its own, which the kernel ends when its time is over.

Whatever a library waits for (a name, a handshake, a server that drips), nothing of drp waits with it. URLs go in by
standard input: they hold secrets.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from drp import command
from drp.codec import from_json, to_data
from drp.domain.phrase import NOTHING, QUOTED, RECORDED, Phrase, own_words, quoted, say
from drp.domain.visible import one_line
from drp.errors import CommandFailed, Tampered
from drp.redact import redacted

PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_SYSTEM_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_LOOPBACK = "localhost,127.0.0.1,::1"
_GRACE_SECONDS = 0.5
_SAID = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One thing to send."""

    name: str
    """By which its answer is known."""
    kind: Literal["message", "ping", "spans"]
    url: str = field(repr=False)
    """A secret."""
    title: str = ""
    body: str = ""
    gravity: Literal["info", "warning", "critical"] = "info"
    spans: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a parcel."""

    name: str
    taken: bool
    said: Phrase = NOTHING
    """Why it was not taken, on one line, without any secret."""


def send(parcels: Sequence[Parcel], seconds: float) -> tuple[Answer, ...]:
    """Send everything at once and return what became of each, within so many seconds. Raises nothing."""
    if not parcels:
        return ()
    order = json.dumps({"seconds": seconds, "parcels": [to_data(parcel) for parcel in parcels]}).encode()
    ended = NOTHING
    try:
        output = command.run(
            [sys.executable, "-I", "-m", "drp.monitoring.delivery"],
            timeout_seconds=seconds + _GRACE_SECONDS,
            environment=_environment(),
            stdin=order,
            check=False,
            grace_seconds=_GRACE_SECONDS,
        )
        answers = _answers(output.stdout)
        ended = (
            say("no answer in time")
            if output.ended_by == "timeout"
            else say("the sender ended with {status}", status=str(output.exit_code))
        )
    except CommandFailed as error:
        answers, ended = {}, own_words(error.message)
    return tuple(
        answers.get(parcel.name, Answer(name=parcel.name, taken=False, said=redacted(ended))) for parcel in parcels
    )


def _answers(printed: str) -> dict[str, Answer]:
    """Return the answers that the sender printed, one a line; a line that is none was cut off."""
    found = {}
    for line in printed.splitlines():
        try:
            answer = from_json(Answer, line)
        except Tampered:
            continue
        found[answer.name] = Answer(name=answer.name, taken=answer.taken, said=bounded(redacted(answer.said)))
    return found


def bounded(why: Phrase) -> Phrase:
    """Return what others said in one short line, and words of ours as they are."""
    return quoted(one_line(why, _SAID)) if why.code in {QUOTED, RECORDED} else why


def _environment() -> dict[str, str]:
    """Return what the sender needs: the way out that this machine has, and whom the system believes."""
    found = {name: os.environ[name] for name in PROXIES if os.environ.get(name)}
    found["no_proxy"] = ",".join(filter(None, (found.get("no_proxy", ""), _LOOPBACK)))
    if _SYSTEM_AUTHORITIES.exists():
        found["REQUESTS_CA_BUNDLE"] = found["SSL_CERT_FILE"] = str(_SYSTEM_AUTHORITIES)
    return found
