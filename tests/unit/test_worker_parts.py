"""What a worker stands on: the line to systemd, the site read again when it changed, papers that ask a drill to stop."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from drp.config.template import lay_site
from drp.errors import EngineError
from drp.schedule.notify import Service
from drp.schedule.worker import SiteFiles, Told, Worker
from drp.service.stopping import ask_to_stop, asked_to_stop


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield line


def heard(line: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(line.recv(100).decode())
        except BlockingIOError:
            return found


def test_a_service_says_that_it_is_ready_lives_and_ends(manager, monkeypatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "3600000000")
    service = Service()
    service.ready()
    for _ in range(5):
        service.alive()
    service.stopping()
    assert heard(manager) == ["READY=1", "WATCHDOG=1", "STOPPING=1"], (
        "a sign of life in half of the hour, not at every round"
    )


@pytest.mark.parametrize("variables", [{}, {"WATCHDOG_USEC": "60", "WATCHDOG_PID": "1"}])
def test_no_sign_of_life_is_given_that_nobody_wants(manager, monkeypatch, variables) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    service = Service()
    service.alive()
    service.ready()
    assert heard(manager) == ["READY=1"]


def test_without_a_manager_or_with_one_that_is_gone_nothing_happens(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Service().ready()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    Service().ready()


def test_a_site_is_read_again_only_when_a_file_of_it_changed(tmp_path: Path) -> None:
    lay_site(tmp_path / "site")
    files = SiteFiles(tmp_path / "site")
    first = files()
    assert files() is first
    said = tmp_path / "site/drp.yml"
    before = said.stat()
    said.write_text(said.read_text() + "places: [north]\n")
    os.utime(said, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert files() is not first
    assert files().places == ("north",)


def test_a_paper_is_found_once_by_the_drill_that_it_names(tmp_path: Path) -> None:
    assert asked_to_stop(tmp_path, "a") == ""
    ask_to_stop(tmp_path, "a", "alice: the ward needs\n\x1b[31m it")
    assert asked_to_stop(tmp_path, "b") == ""
    said = asked_to_stop(tmp_path, "a")
    assert said.startswith("alice: the ward needs")
    assert said.isprintable()
    assert asked_to_stop(tmp_path, "a") == ""


def test_a_paper_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    (tmp_path / "stop").mkdir()
    (tmp_path / "stop/a").symlink_to(secret)
    assert asked_to_stop(tmp_path, "a") == ""


class Rounds:
    """An engine without orders: it asks whether to stop, round by round."""

    def serve(self, _procedures: object, cancelled: Callable[[], bool]) -> None:
        while not cancelled():
            threading.Event().wait(0.005)

    def orders(self) -> tuple[()]:
        return ()


def test_what_nobody_foresaw_in_a_look_at_the_schedule_ends_the_worker() -> None:
    def tick() -> None:
        message = "half made"
        raise AttributeError(message)

    worker = Worker(engine=Rounds(), procedures=(), tick=tick, cancelled=lambda: False, say=lambda _told: None)
    with pytest.raises(AttributeError, match="half made"):
        worker.run()


def test_trouble_that_has_a_name_is_told_and_ends_nothing() -> None:
    told: list[Told] = []

    def tick() -> None:
        raise EngineError("the database does not answer")

    worker = Worker(
        engine=Rounds(), procedures=(), tick=tick, cancelled=lambda: False, say=told.append, once=True,
    )  # fmt: skip
    worker.run()
    assert [each.what for each in told] == ["ready", "trouble"]
    assert "does not answer" in told[1].text
