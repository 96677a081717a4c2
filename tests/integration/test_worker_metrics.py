"""A worker that serves metrics and tells: as it is started by users, and stopped by a signal."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.simulators.world import Script
from tests.support import warm
from tests.support.loopback import free_ports
from tests.support.monitored import monitored, put_secret
from tests.support.receivers import receiver, samples, value
from tests.support.waiting import eventually

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def test_a_worker_tells_pings_and_serves_metrics(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with receiver() as web:
        site = monitored(
            tmp_path, {"oncall": f"json://{web.address}/hook"}, more="pings: {site: {file: secrets/beat}}\n"
        )
        put_secret(tmp_path, "beat", f"http://{web.address}/beat")
        site.hold(Script(checks=("failed",)))
        argv = [sys.executable, "-m", "drp", "--site", str(tmp_path), "worker", "run", "--metrics", f"127.0.0.1:{port}"]
        worker = subprocess.Popen(argv, env=warm.ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:

            def scraped() -> str:
                try:
                    with _OPENER.open(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
                        return str(answer.read().decode())
                except (OSError, urllib.error.URLError):
                    return ""

            text = eventually(lambda: scraped() or worker.poll() is not None)
            assert isinstance(text, str), worker.stdout and worker.stdout.read()
            assert value(samples(text), "drp_up") == 1
            reached = eventually(lambda: {"/beat/start", "/beat", "/hook"} <= set(web.paths()))
        finally:
            worker.send_signal(signal.SIGTERM)
            said, _ = worker.communicate(timeout=120)
        assert reached, (web.paths(), said.decode())
        assert worker.returncode == 0, said


def test_metrics_beyond_loopback_stop_the_worker_before_it_works(tmp_path: Path) -> None:
    site = monitored(tmp_path, {})
    done = warm.drp("--site", site.directory, "worker", "run", "--once", "--metrics", "0.0.0.0:0")
    assert done.returncode == 10
    assert "loopback" in done.stderr
