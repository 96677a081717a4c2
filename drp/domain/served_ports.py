"""Ports that an application serves itself, as far as its file names them: drp answers at none of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from drp.domain.application import Application

_DEEPEST = 8


def served_ports(application: Application) -> tuple[int, ...]:
    """Return the ports that its checks ask, or its runbook waits for, ascending.

    Where drp's own recorder listened there, it would answer in the place of an application that is down.
    """
    said: list[object] = [check.options for check in application.checks]
    said += [application.runbook.inputs] if application.runbook is not None else []
    return tuple(sorted(set(_ports("", said, 0))))


def _ports(name: str, value: object, depth: int) -> Iterator[int]:
    if depth > _DEEPEST or isinstance(value, bool):
        return
    if isinstance(value, int) and (name in {"port", "ports"} or name.endswith(("_port", "_ports"))):
        yield value
    elif isinstance(value, str) and "://" in value:
        try:
            port = urlsplit(value).port
        except ValueError:  # a placeholder, or no address at all
            return
        if port is not None:
            yield port
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _ports(str(key), inner, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            yield from _ports(name, inner, depth + 1)
