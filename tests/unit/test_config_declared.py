"""A typo in a runbook's inputs or a verifier's options is told at its place, and stops only what uses it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from drp.config.inputs import fits
from drp.config.site import check_site, load_site
from drp.config.template import lay_site
from drp.errors import ConfigError
from drp.verifiers.judge import InstalledOptions
from drp.verifiers.loading import available, load
from tests.support.inputs import inputs_of, shipped
from tests.support.sites import DRILL, EHR, write_site

APP = "inventory/applications/ehr.yml"
PLAN = "inventory/drills/hospital.yml"
JUDGE = InstalledOptions()
SERVICE = "runbook:\n  kind: service\n  inputs:\n    command: [/bin/engine]\n"
WARD = "argument_specs: {main: {options: {beds: {type: int, required: true}}}}\n"


def with_runbook(text: str) -> str:
    return EHR.replace("runbook: {kind: postgres}\n", text)


def with_options(verifier: str, options: str) -> str:
    return EHR.replace("verifier: postgres}", f"verifier: {verifier}, options: {options}}}")


def told(directory: Path) -> list[str]:
    return [str(problem) for problem in check_site(directory, JUDGE)]


def test_the_example_hospital_has_no_problem(tmp_path: Path) -> None:
    lay_site(tmp_path / "site")
    assert told(tmp_path / "site") == []
    assert load_site(tmp_path / "site", JUDGE).broken == {}


@pytest.mark.parametrize("kind", shipped())
def test_every_runbook_refuses_an_input_that_it_does_not_declare(tmp_path: Path, kind: str) -> None:
    found = told(write_site(tmp_path, {APP: with_runbook(f"runbook:\n  kind: {kind}\n  inputs:\n    tiemline: 2\n")}))
    assert any(line.startswith(f"{APP}:9:5: runbook.inputs.tiemline: unknown key; ") for line in found), found


WRONG = {"str": "[x]", "int": "many", "float": "soon", "bool": "maybe", "list": "10.0.0.1", "dict": "x", "raw": "[x]"}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in shipped() for name in inputs_of(kind)])
def test_every_input_refuses_another_type(tmp_path: Path, kind: str, name: str) -> None:
    text = with_runbook(f"runbook:\n  kind: {kind}\n  inputs: {{{name}: {WRONG[inputs_of(kind)[name].type]}}}\n")
    found = [line for line in told(write_site(tmp_path, {APP: text})) if f"runbook.inputs.{name}: must be " in line]
    assert len(found) == 1, name


SAID = {
    "a key that belongs one deeper": ("ready: {url: x}", "10:13: runbook.inputs.ready.url: unknown key; did you mean `http: {url: …}`?"),
    "a typo deep inside": ("ready: {http: {ulr: x, url: y}}", "10:20: runbook.inputs.ready.http.ulr: unknown key; did you mean `url`?"),
    "a text for a number": ("ready: {port: eighty}", "10:19: runbook.inputs.ready.port: must be a whole number"),
    "a wrong item": ("ready: {http: {url: y, status: [200, ok]}}", "10:42: runbook.inputs.ready.http.status[1]: must be a whole number"),
    "nothing to wait for": ("ready: {host: h}", "10:12: runbook.inputs.ready: needs one of port, http, command"),
    "no value": ("ready:", "10:11: runbook.inputs.ready: is empty: give a value"),
    "what drp gives": ("ready: {port: 1}\n    restored_root: /x", "11:5: runbook.inputs.restored_root: is given by drp: leave it out"),
    "what is lacking": ("name: engine", "9:5: runbook.inputs.ready: is missing"),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_inputs_are_told_where_they_stand(tmp_path: Path, case: str) -> None:
    said, expected = SAID[case]
    site = write_site(tmp_path, {APP: with_runbook(f"{SERVICE}    {said}\n")})
    assert told(site) == [f"{APP}:{expected}"]


TAKEN = {
    "postgres": 'port: "5433", verify_base: no, database: 2024, recovery_target_time: 2026-11-21T02:00:00Z',
    "pacs": "copied_while_running: no, index: postgres, ready_seconds: 1.5, plugins: []",
    "mariadb": "binlog_only_closed: yes, settings: {lower_case_table_names: 1, anything: {at: all}}",
    "service": 'command: [a], ready: {port: 80, http: {url: u, headers: {X: "1"}}}, overlays: {/run/x: y}',
}


@pytest.mark.parametrize("kind", TAKEN)
def test_what_ansible_takes_without_a_loss_is_taken(tmp_path: Path, kind: str) -> None:
    text = with_runbook(f"runbook: {{kind: {kind}, inputs: {{{TAKEN[kind]}}}}}\n")
    assert told(write_site(tmp_path, {APP: text})) == []


@pytest.mark.parametrize(
    ("kind", "value"), [("int", True), ("int", 1.5), ("str", True), ("float", "x"), ("bool", [True]), ("dict", "{}"), ("int", "²")]
)  # fmt: skip
def test_what_would_be_a_guess_is_refused(kind: str, value: object) -> None:
    assert not fits(kind, value)


def test_the_choice_that_was_meant_is_named(tmp_path: Path) -> None:
    text = with_runbook("runbook: {kind: pacs, inputs: {index: postgresq}}\n")
    assert told(write_site(tmp_path, {APP: text}))[0].endswith(
        "must be one of sqlite, postgres, postgresql, mariadb; did you mean `postgresql`?"
    )


def steps(declaration: str | None) -> dict[str, str | None]:
    files: dict[str, str | None] = {f"runbooks/ward/{step}.yml": "[]\n" for step in ("restore", "start", "stop")}
    return {**files, "runbooks/ward/inputs.yml": declaration}


def test_a_runbook_of_the_site_declares_its_own(tmp_path: Path) -> None:
    text = with_runbook("runbook: {kind: ward, inputs: {bedz: 4}}\n")
    assert told(write_site(tmp_path, {APP: text, **steps(WARD)})) == [
        f"{APP}:6:31: runbook.inputs.beds: is missing",
        f"{APP}:6:32: runbook.inputs.bedz: unknown key; did you mean `beds`?",
    ]


def test_one_that_declares_nothing_is_not_checked_and_that_is_said(tmp_path: Path) -> None:
    text = with_runbook("runbook: {kind: ward, inputs: {anything: 4}}\n")
    site = write_site(tmp_path, {APP: text, **steps(None)})
    assert told(site) == []
    assert [line for line in load_site(site).advice() if "declares no inputs" in line] == [
        "runbooks/ward: declares no inputs (inputs.yml), so nobody checks what applications give it"
    ]


def test_a_wrong_declaration_breaks_those_who_use_it(tmp_path: Path) -> None:
    text = with_runbook("runbook: {kind: ward}\n")
    site = write_site(tmp_path, {APP: text, **steps(WARD.replace("int", "itn"))})
    (problem,) = told(site)
    assert problem.startswith(
        f"{APP}:6:17: runbook.kind: the runbook's declaration is wrong: runbooks/ward/inputs.yml:1:"
    )
    assert "did you mean `int`?" in problem
    assert list(load_site(site).broken) == [("application", "ehr")]


@pytest.mark.parametrize("verifier", [found.name for found in available()])
def test_every_verifier_refuses_an_option_that_it_does_not_have(tmp_path: Path, verifier: str) -> None:
    found = told(write_site(tmp_path, {APP: with_options(verifier, "{\n    frob: 1}")}))
    assert any(line.startswith(f"{APP}:9:5: checks[0].options.frob: unknown key; known here: ") for line in found), (
        found
    )


@pytest.mark.parametrize("verifier", [found.name for found in available()])
def test_every_verifier_tells_which_option_was_meant(tmp_path: Path, verifier: str) -> None:
    names = [field.name for field in dataclasses.fields(load([verifier])[verifier].Options)]
    meant = max(names, key=len)
    found = told(write_site(tmp_path, {APP: with_options(verifier, f"{{{meant}x: 1}}")}))
    assert any(line.endswith(f"{meant}x: unknown key; did you mean `{meant}`?") for line in found), found


def test_options_are_told_where_they_stand_also_deep_inside(tmp_path: Path) -> None:
    options = "{\n    queries:\n      - {sql: select 1, naem: x, name: y}}"
    found = told(
        write_site(
            tmp_path,
            {
                APP: with_options("mariadb", options)
                .replace("{\n    queries:\n      - ", "{queries: [")
                .replace("y}}", "y}]}")
            },
        )
    )
    assert any("checks[0].options." in line and "unknown key" in line for line in found), found


RECONCILED = (
    DRILL
    + """\
reconciliation:
  records:
    orders: {application: ehr, reader: postgres, options: {database: d, qurey: x, query: select 1}}
    tubes: {application: ehr, reader: postgres, options: {database: d, query: 5}}
  references:
    - {name: tube has its order, from: tubes.order, to: orders.id}
"""
)


def test_options_of_records_are_told_where_they_stand(tmp_path: Path) -> None:
    said = RECONCILED.replace(
        "application: ehr, reader: postgres, options: {database: d, query: 5}",
        "application: documents, reader: postgres, options: {database: d, query: 5}",
    )
    found = told(write_site(tmp_path, {PLAN: said}))
    assert f"{PLAN}:6:73: reconciliation.records.orders.options.qurey: unknown key; did you mean `query`?" in found
    assert any(
        line.startswith(f"{PLAN}:7:") and "tubes.options.query: must be text: quote it" in line for line in found
    ), found
    site = load_site(tmp_path, JUDGE)
    assert list(site.broken) == [("drill", "hospital")]
    assert site.ad_hoc_plan("ehr").recoveries[0].name == "ehr"


@pytest.mark.parametrize(
    ("canary", "key"),
    [
        ("{kind: file, path: /x, pth: y}", "pth"),
        ("{kind: command, argv: [/x], agrv: y}", "agrv"),
        ("{kind: postgres, host: /run, port: 1, database: d, user: u, usre: y}", "usre"),
        ("{kind: mariadb, host: /run, port: 1, database: d, user: u, usre: y}", "usre"),
        ("{kind: orthanc, url: 'https://h', user: u, password: {file: f}, study: '1.2', stduy: y}", "stduy"),
    ],
)
def test_a_typo_in_a_canary_is_told(tmp_path: Path, canary: str, key: str) -> None:
    found = told(write_site(tmp_path, {APP: f"{EHR}canary: {canary}\n"}))
    assert any(f"{key}: unknown key; did you mean" in line and line.startswith(f"{APP}:9:") for line in found), found


BROKEN = {
    "an input": with_runbook("runbook: {kind: postgres, inputs: {prot: 1}}\n"),
    "an option": with_options("postgres", "{frob: 1}"),
    "an unknown key": EHR + "tire: 0\n",
    "no yaml": "name: [\n",
    "a runbook that is not there": EHR.replace("kind: postgres", "kind: postgers"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_stops_what_uses_it_and_nothing_else(tmp_path: Path, case: str) -> None:
    alone = DRILL.replace("name: hospital", "name: papers").replace("[ehr, documents]", "[documents]")
    files = {APP: BROKEN[case], "inventory/drills/papers.yml": alone}
    site = load_site(write_site(tmp_path, files), JUDGE)
    assert site.broken["application", "ehr"]
    assert [recovery.name for recovery in site.plan("papers").recoveries] == ["documents"]
    assert [recovery.name for recovery in site.plan("hospital", applications=("documents",)).recoveries] == [
        "documents"
    ]
    for planned in (lambda: site.plan("hospital"), lambda: site.ad_hoc_plan("ehr")):
        with pytest.raises(ConfigError) as caught:
            planned()
        assert caught.value.message.startswith(f"{APP}:")


def test_two_files_of_one_name_leave_nobody_to_choose(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path, {"inventory/applications/zz.yml": EHR}))
    with pytest.raises(ConfigError, match="has the same name"):
        site.ad_hoc_plan("ehr")
