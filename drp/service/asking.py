"""Asks several things at the same time that may never answer, such as a mount whose server has gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Asked(Generic[Answer]):
    """What one of them has answered so far."""

    answers: dict[str, Answer] = field(default_factory=dict)
    ended: bool = False
    """Nothing more will come of it."""
    error: BaseException | None = None
    """What nobody foresaw, and ended it."""


def ask(looks: Mapping[str, Iterator[tuple[str, Answer]]], seconds: float) -> Mapping[str, Asked[Answer]]:
    """Follow every look in a thread of its own; return what each has yielded when all have ended, or the time is over.

    A look that is still at it is left alone: its thread, and any program that it started, ends with the process at the
    latest, and keeps nobody waiting. Whatever a look raises comes through here.
    """
    found: dict[str, Asked[Answer]] = {name: Asked() for name in looks}
    threads = [
        threading.Thread(target=_follow, args=(look, found[name]), name=f"drp-ask-{name}", daemon=True)
        for name, look in looks.items()
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    told = {name: Asked(dict(each.answers), each.ended, each.error) for name, each in found.items()}
    for each in told.values():
        if each.error is not None:
            raise each.error
    return told


def _follow(look: Iterator[tuple[str, Answer]], into: Asked[Answer]) -> None:
    try:
        for name, answer in look:
            into.answers[name] = answer
    except BaseException as error:  # noqa: BLE001 - raised again by whoever asked, in his own thread
        into.error = error
    finally:
        into.ended = True
