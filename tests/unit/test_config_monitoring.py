"""inventory/monitoring.yml: what it says becomes values; every mistake is told with its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from drp.config.monitoring import Monitoring
from drp.config.site import check_site, load_site
from drp.errors import ConfigError, Untrusted
from tests.support.sites import write_site

FILE = "inventory/monitoring.yml"
WHOLE = """\
version: 1
notify:
  targets:
    oncall: {url: {file: secrets/oncall}, language: fr, from_level: critical, applications: [ehr]}
    lab: {url: {credential: lab-hook}}
  remind_every: 1d
  deadline: 10s
pings:
  site: {command: [/usr/bin/pass, ping]}
  policies: {ehr/full: {file: /srv/ping}}
metrics: {certificate: tls.pem, key: {file: secrets/key}, token: {file: secrets/token}}
traces: {endpoint: {file: secrets/otlp}}
"""


def problems(directory: Path, said: str) -> list[str]:
    return [str(problem) for problem in check_site(write_site(directory, {FILE: said}))]


def test_without_the_file_nobody_is_told(tmp_path: Path) -> None:
    assert load_site(write_site(tmp_path)).monitoring == Monitoring()


@pytest.mark.parametrize("said", ["version: 1\n", "version: 1\nnotify: {}\n", "version: 1\nnotify: {targets: {}}\n"])
def test_an_empty_one_tells_nobody_either(tmp_path: Path, said: str) -> None:
    assert load_site(write_site(tmp_path, {FILE: said})).monitoring == Monitoring()


def test_all_of_it_becomes_values(tmp_path: Path) -> None:
    assert problems(tmp_path, WHOLE) == []
    found = load_site(tmp_path).monitoring
    oncall, lab = found.targets["oncall"], found.targets["lab"]
    assert oncall.url.value == (str(tmp_path / "secrets/oncall"),)
    assert (oncall.language, oncall.from_level, oncall.applications) == ("fr", "critical", ("ehr",))
    assert (lab.language, lab.from_level, lab.applications) == ("en", "warning", ())
    assert (found.remind_every, found.deadline) == (timedelta(days=1), timedelta(seconds=10))
    assert found.ping is not None
    assert found.ping.value == ("/usr/bin/pass", "ping")
    assert found.policy_pings["ehr/full"].value == ("/srv/ping",)
    assert found.metrics.certificate == tmp_path / "tls.pem"
    assert found.metrics.leaves_loopback
    assert found.traces is not None


@pytest.mark.parametrize(
    ("said", "line", "message"),
    [
        ("notify: {targets: {oncall: {url: mailto://user:hunter22@host}}}", 2, "a secret never stands in a file"),
        ("notify: {targets: {oncall: {}}}", 2, "is missing"),
        ("notify: {targets: {oncall: {url: {file: x}, langage: fr}}}", 2, "did you mean `language`?"),
        ("notify: {targets: {oncall: {url: {file: x}, language: de}}}", 2, "must be one of en, fr"),
        ("notify: {targets: {oncall: {url: {file: x}, from_level: ok}}}", 2, "warning"),
        ("notify: {targets: {oncall: {url: {file: x}, applications: [her]}}}", 2, "did you mean `ehr`?"),
        ("notify: {targets: {ON CALL: {url: {file: x}}}}", 2, "lower case"),
        ("notify: {deadline: 6m}", 2, "at most 5m"),
        ("notify: {remind_every: 0s}", 2, "longer than zero"),
        ("pings: {policies: {ehr: {file: x}}}", 2, "such as ehr/full"),
        ("pings: {policies: {erh/full: {file: x}}}", 2, "did you mean `ehr`?"),
        ("pings: {site: http://ping.example/uuid}", 2, "a secret never stands in a file"),
        ("metrics: {certificate: tls.pem}", 2, "belong together"),
        ("metrics: {user: x}", 2, "belong together"),
        ("metrics: {user: 'x:y', password: {file: z}}", 2, "colon"),
        ("traces: {}", 2, "is missing"),
        ("notifys: {}", 2, "did you mean `notify`?"),
    ],
)
def test_each_mistake_is_told_where_it_is(tmp_path: Path, said: str, line: int, message: str) -> None:
    (found,) = problems(tmp_path, f"version: 1\n{said}\n")
    assert found.startswith(f"{FILE}:{line}:"), found
    assert message in found
    assert "hunter22" not in found
    with pytest.raises(ConfigError):
        load_site(tmp_path)


def test_a_secret_that_others_could_replace_is_not_taken(tmp_path: Path) -> None:
    write_site(tmp_path, {FILE: "version: 1\nnotify: {targets: {oncall: {url: {file: secrets/oncall}}}}\n"})
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o777)
    secrets.chmod(0o777)
    (secrets / "oncall").write_text("json://x")
    with pytest.raises(Untrusted):
        load_site(tmp_path)
