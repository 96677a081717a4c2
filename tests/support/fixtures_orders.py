"""Databases of orders with their workers, for conformance of engines: inline, a SQLite file, a PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.engine.database import Place
from drp.engine.inline import InlineEngine
from tests.support.fixtures_journal import PostgresServer
from tests.support.orders import Rig, procedures, starter
from tests.support.waiting import PATIENCE

INLINE = "inline"
SQLITE = "sqlite"
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.real)
every = pytest.mark.parametrize("rig", [INLINE, SQLITE, POSTGRESQL], indirect=True)
durable = pytest.mark.parametrize("rig", [SQLITE, POSTGRESQL], indirect=True)
"""Engines that claim to outlive a crash."""
shared = pytest.mark.parametrize("rig", [POSTGRESQL], indirect=True)
"""Engines that several hosts may use."""
LEASE = 3.0


class InlineRig(Rig):
    """The engine of this process; a worker is a thread of it."""

    def __post_init__(self) -> None:
        self.engine = InlineEngine(SystemClock(), host="here")
        self.told = threading.Event()

    def worker(self, host: str = "here", **_: object) -> None:
        work = threading.Thread(target=self.engine.serve, args=(procedures(self.folder, host), self.told.is_set))
        work.start()
        self.thread = work

    def close(self) -> None:
        self.told.set()
        if hasattr(self, "thread"):
            self.thread.join(PATIENCE)


@pytest.fixture(scope="module")
def start() -> Iterator[object]:
    with starter() as process:
        yield process


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path, start) -> Iterator[Rig]:
    place, password, kind = Place(location=tmp_path / "orders.db"), "", Rig
    if request.param == "inline":
        kind = InlineRig
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        password = server.password
        location = f"postgresql://drp@127.0.0.1:{server.port}/{server.new_database()}"
        place = Place(location=location, password=lambda: server.password)
    made = kind(place, password, tmp_path, start)
    try:
        yield made
    finally:
        made.close()
