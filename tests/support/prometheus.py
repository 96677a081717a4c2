"""Debian's Prometheus, started by a test on loopback with one target, and asked by its API."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.loopback import free_ports
from tests.support.waiting import eventually

_UNPACKED = Path(__file__).resolve().parents[2] / ".cache" / "prometheus" / "usr" / "bin"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def program(name: str) -> str:
    """Return Prometheus or promtool: unpacked by `tests/setup/prometheus.sh`, or installed."""
    unpacked = _UNPACKED / name
    return str(unpacked) if unpacked.exists() else name


@dataclass(frozen=True)
class Prometheus:
    """A server that scrapes."""

    port: int

    def asked(self, path: str, **values: str) -> Any:
        """Return the data of an answer of the API."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(values)}"
        with _OPENER.open(url, timeout=60) as answer:
            body = json.load(answer)
        assert body["status"] == "success", body
        return body["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return what an expression gives now."""
        return list(self.asked("query", query=expression)["result"])

    def ready(self) -> bool:
        try:
            return bool(self.query("drp_up"))
        except (OSError, urllib.error.URLError):
            return False


@contextmanager
def prometheus(folder: Path, target: str, rules: Path) -> Iterator[Prometheus]:
    """Run one that scrapes ``target`` each second, until it knows its metrics; it is gone at the end."""
    (port,) = free_ports(1)
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "drp", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    log = (folder / "prometheus.log").open("wb")
    process = subprocess.Popen(
        [
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        found = Prometheus(port)
        assert eventually(lambda: process.poll() is not None or found.ready()), "it never scraped"
        assert process.poll() is None, (folder / "prometheus.log").read_text()
        yield found
    finally:
        process.terminate()
        process.wait()
        log.close()
