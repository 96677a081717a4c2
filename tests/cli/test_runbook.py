"""`drp runbook`: what it shows of a site's runbooks, and how it judges them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from drp.runbooks.catalogue import runbooks
from drp.share import shared
from tests.support import warm


@pytest.fixture
def site(tmp_path: Path) -> Path:
    drp("init", str(tmp_path / "site"), at=tmp_path)
    return tmp_path / "site"


def drp(*arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    return warm.drp(*arguments, cwd=at)


SHIPPED = [item.kind for item in runbooks([shared("runbooks")])]


def ward(site: Path, **steps: str) -> None:
    folder = site / "runbooks/ward"
    folder.mkdir(parents=True)
    for step, text in steps.items():
        (folder / f"{step}.yml").write_text(text)


GOOD = "- name: Ward\n  hosts: sandbox\n  gather_facts: false\n  tasks:\n    - name: Rest\n      ansible.builtin.debug: {msg: x}\n"


def test_list_shows_where_each_comes_from(site: Path) -> None:
    ward(site, start=GOOD)
    shown = drp("runbook", "list", at=site)
    assert shown.returncode == 0, shown.stderr
    expected = {**dict.fromkeys(SHIPPED, "shipped"), "ward": "site"}
    assert [line.split()[:2] for line in shown.stdout.splitlines()[1:]] == sorted(map(list, expected.items()))
    document = json.loads(drp("runbook", "list", "--json", at=site).stdout)
    assert document["schema"] == "drp/runbooks/1"
    assert {item["kind"]: item["steps"] for item in document["items"]}["ward"] == ["start"]


def test_lint_is_content_with_what_is_shipped(site: Path) -> None:
    done = drp("runbook", "lint", at=site)
    assert (done.returncode, done.stdout) == (0, f"{len(SHIPPED)} runbooks, 0 problems, 0 advice\n"), done.stderr


def test_lint_names_every_problem(site: Path) -> None:
    unknown = GOOD.replace("ansible.builtin.debug", "no_such_module")
    ward(site, restore="- name: [unclosed\n", start=unknown, stop=GOOD.replace("sandbox", "database7"))
    done = drp("runbook", "lint", "ward", "--json", at=site)
    assert done.returncode == 1
    remarks = {(Path(item["path"]).name, item["severity"]): item["text"] for item in json.loads(done.stdout)["remarks"]}
    assert "is no YAML" in remarks["restore.yml", "problem"]
    assert "no_such_module" in remarks["start.yml", "problem"]
    assert "the only host of a run is called sandbox" in remarks["stop.yml", "problem"]
    assert "README.md" in remarks["ward", "advice"]


def test_lint_advises(site: Path) -> None:
    ward(site, restore=GOOD, start=GOOD.replace("  gather_facts: false\n", ""))
    done = drp("runbook", "lint", "ward", at=site)
    assert done.returncode == 1
    assert "there is no stop.yml" in done.stdout
    assert "restore.yml: gives no drp_restore" in done.stdout
    assert "start.yml: gathers facts" in done.stdout


def test_show_tells_what_an_application_may_say(site: Path) -> None:
    shown = drp("runbook", "show", "service", at=site)
    assert shown.returncode == 0, shown.stderr
    assert "ready.http.url       str          required " in shown.stdout
    document = json.loads(drp("runbook", "show", "pacs", "--json", at=site).stdout)
    assert document["inputs"]["index"]["choices"] == ["sqlite", "postgres", "postgresql", "mariadb"]
    ward(site, restore=GOOD, start=GOOD, stop=GOOD)
    assert "ward declares no inputs" in drp("runbook", "show", "ward", at=site).stdout
    (site / "runbooks/ward/inputs.yml").write_text("argument_specs: {main: {optoins: {}}}\n")
    wrong = drp("runbook", "show", "ward", at=site)
    assert wrong.returncode == 10
    assert (
        "runbooks/ward/inputs.yml:1:25: argument_specs.main.optoins: unknown key; did you mean `options`?"
        in wrong.stderr
    )
    assert drp("runbook", "show", "wrad", at=site).returncode == 10


def test_a_typo_stops_the_plan_and_the_drill_that_use_it_and_no_other(site: Path) -> None:
    file = site / "inventory/applications/pacs.yml"
    file.write_text(file.read_text().replace("  inputs:\n", "  inputs:\n    idnex: mariadb\n", 1))
    typo = "runbook.inputs.idnex: unknown key; did you mean `index`?"
    for verb in (("config", "check"), ("drill", "run", "--app", "pacs"), ("status", "--app", "pacs")):
        done = drp(*verb, at=site)
        assert done.returncode == (3 if verb[0] == "status" else 10), verb
        assert typo in done.stdout + done.stderr, verb
    assert not (site / "state/journal.sqlite").exists(), "nothing was declared"
    for verb in (("drill", "list"), ("app", "show", "ehr"), ("config", "show")):
        assert drp(*verb, at=site).returncode == 0, verb
    other = drp("drill", "run", "--app", "lis", at=site)
    assert "idnex" not in other.stdout + other.stderr


def test_lint_of_an_unknown_runbook_is_not_found(site: Path) -> None:
    done = drp("runbook", "lint", "nothing", at=site)
    assert done.returncode == 10
    assert "there is no runbook nothing" in done.stderr
