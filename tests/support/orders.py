"""Workers of their own process that carry orders out, and what they did: each step leaves a line in one file.

What a step does is said by the order's values: `wait`, `fail`, `die` name steps. Workers are forked from a process that has
imported the engine, which takes a second; run as a program, this file is that process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drp.clock import SystemClock
from drp.domain.orders import Order, OrderSeen, Procedure, Step
from drp.engine.database import Place
from drp.engine.durable import DurableEngine
from drp.errors import Busy, EngineError, Interrupted
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
STEPS, ALWAYS, CLEAN = ("first", "second", "third"), ("down", "tell"), ("mop",)
BUSY, LOST = 11, 13


@dataclass(frozen=True)
class Line:
    order: str
    step: str
    what: str
    host: str
    data: Mapping[str, Any] = field(default_factory=dict)


def procedures(folder: Path, host: str) -> tuple[Procedure, ...]:
    """Return the one procedure, `work`, which writes down in ``folder`` what it does."""

    def action(name: str):
        def act(values, cancelled):
            def say(what: str, **data: Any) -> None:
                line = json.dumps([values["order"], name, what, host, data]) + "\n"
                descriptor = os.open(folder / "lines", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                os.write(descriptor, line.encode())
                os.close(descriptor)

            say("begin", **({"outcome": values["outcome"]} if "outcome" in values else {}))
            if name in values.get("die", ()) and not (mark := folder / f"died-{values['order']}-{name}").exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            while name in values.get("wait", ()) and not (folder / f"go-{values['order']}").exists():
                if cancelled():
                    say("stopped")
                    raise Interrupted("asked to stop")
                time.sleep(0.01)
            if name in values.get("fail", ()):
                raise EngineError(f"{name} cannot")
            say("end", known=sorted(set(values) & set(STEPS)))
            return {"by": host, "step": name}

        return Step(name, act)

    made = ([action(name) for name in names] for names in (STEPS, ALWAYS, CLEAN))
    return (Procedure("work", *map(tuple, made)),)


def order(name: str, **named: Any) -> Order:
    """Return an order; what is no field of it is said to its steps."""
    ours = {key: named.pop(key) for key in ("place", "keys", "priority", "procedure") if key in named}
    return Order(id=name, values={"order": name, **named}, **({"procedure": "work"} | ours))


@dataclass
class Worker:
    pid: int
    folder: Path

    def ended(self) -> int | None:
        """Return its status once it has ended, as `subprocess` says it."""
        told = self.folder / f"{self.pid}.ended"
        return int(told.read_text()) if told.exists() else None

    def wait(self) -> int:
        assert eventually(lambda: self.ended() is not None), "the worker did not end"
        status = self.ended()
        assert status is not None
        return status

    def stop(self) -> int:
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        if self.ended() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.wait()


@dataclass
class Rig:
    """One database of orders, with whoever works on it."""

    place: Place
    password: str
    folder: Path
    starter: subprocess.Popen[bytes]
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = DurableEngine(self.place, SystemClock(), host="submitter")

    def worker(self, host: str = "here", **named: Any) -> Worker:
        """Start a worker; ``named`` is what the engine takes."""
        asked = {"location": str(self.place.location), "file": self.place.is_file, "password": self.password,
                 "folder": str(self.folder), "host": host, "poll_seconds": 0.05, "lease_seconds": 60.0} | named  # fmt: skip
        assert self.starter.stdin is not None
        assert self.starter.stdout is not None
        self.starter.stdin.write(json.dumps(asked).encode() + b"\n")
        self.starter.stdin.flush()
        started = Worker(int(self.starter.stdout.readline()), self.folder)
        self.workers.append(started)
        return started

    def lines(self) -> list[Line]:
        path = self.folder / "lines"
        return [Line(*json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []

    def did(self, name: str, what: str = "begin") -> list[str]:
        """Return the steps of an order, in the order in which they began (or ended)."""
        return [line.step for line in self.lines() if line.order == name and line.what == what]

    def seen(self, name: str) -> OrderSeen:
        return next(seen for seen in self.engine.orders(only_open=False) if seen.order.id == name)

    def over(self, *names: str) -> list[OrderSeen]:
        """Wait until orders are over, and return them."""
        assert eventually(lambda: all(self.seen(name).state not in {"waiting", "running"} for name in names)), [
            self.seen(name) for name in names
        ]
        return [self.seen(name) for name in names]

    def in_step(self, name: str, step: str, host: str | None = None) -> None:
        """Wait until an order has begun a step."""

        def there() -> bool:
            return any(line.order == name and line.step == step and host in {None, line.host} for line in self.lines())

        assert eventually(there), (self.seen(name), self.lines())

    def go(self, name: str) -> None:
        (self.folder / f"go-{name}").touch()

    def close(self) -> None:
        for worker in self.workers:
            if worker.ended() is None:
                os.kill(worker.pid, signal.SIGCONT)
                worker.kill()
        self.engine.close()


@contextmanager
def starter() -> Iterator[subprocess.Popen[bytes]]:
    """Start the process from which workers are forked."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.orders"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


def _serve(asked: dict[str, Any]) -> int:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    folder, host, password = Path(asked.pop("folder")), asked.pop("host"), asked.pop("password")
    location = asked.pop("location")
    place = Place(location=Path(location) if asked.pop("file") else location, password=lambda: password)
    try:
        DurableEngine(place, SystemClock(), host=host, **asked).serve(procedures(folder, host), told.is_set)
    except Busy:
        return BUSY
    except EngineError as error:
        (folder / f"{host}.lost").write_text(error.message)
        return LOST
    return 0


def main() -> None:
    import dbos  # noqa: F401 - for those that are forked

    for line in sys.stdin.buffer:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)
            os._exit(_serve(asked))

        def wait(pid: int = pid, folder: Path = Path(asked["folder"])) -> None:
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            half = folder / f"{pid}.half"
            half.write_text(str(status))
            half.rename(folder / f"{pid}.ended")

        threading.Thread(target=wait, daemon=True).start()
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
