"""Verifiers are found by entry point; what is missing, broken, ambiguous or misconfigured refuses the plan."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from drp.domain.application import CheckSpec
from drp.errors import PluginError, Untrusted
from drp.verifiers.loading import available, describe, load
from drp.verifiers.options import make_options, option_problems, options_schema
from drp.verifiers.running import Checks

SHIPPED = ("command", "files", "http", "postgres", "sqlite", "tcp")

PLUGIN = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Options:
    port: int = 1

class Site:
    name = "site"
    Options = Options

    def verify(self, target, options, expectation):
        yield from ()

class OtherName(Site):
    name = "other"

class NoOptions(Site):
    Options = dict

class NoVerify:
    name = "site"
    Options = Options

class Raises(Site):
    def __init__(self):
        raise RuntimeError("no licence")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that installs a distribution with one verifier called site."""

    def add(value: str, distribution: str = "site-verifiers", source: str = PLUGIN) -> None:
        folder = tmp_path / distribution
        information = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (information / "entry_points.txt").write_text(f"[drp.verifiers]\nsite = {value}\n")
        (folder / "site_plugin.py").write_text(source)
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, "site_plugin", raising=False)

    return add


def test_the_shipped_verifiers_are_installed_and_load():
    assert set(SHIPPED) <= {found.name for found in available()}
    for name, verifier in load(SHIPPED).items():
        assert verifier.name == name


def test_a_description_names_the_code_that_judges(install):
    description = describe("postgres")
    assert description.distribution == "drproof"
    assert len(description.digest) == 64
    install("site_plugin:Site")
    before = describe("site")
    assert before.shown.startswith("site-verifiers 1.2 sha256:")
    assert before.digest != description.digest


def test_a_missing_verifier_is_refused_with_a_guess():
    with pytest.raises(PluginError, match="did you mean postgres"):
        load(["postgers"])
    with pytest.raises(PluginError, match="installed are: command"):
        load(["zzz"])


def test_a_site_brings_its_own(install):
    install("site_plugin:Site")
    checks = Checks([CheckSpec(name="x", verifier="site", options={"port": 2})])
    assert checks.tools()["verifier site"].startswith("site-verifiers 1.2 ")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("site_plugin:Absent", "AttributeError"),
        ("absent_plugin:Site", "ModuleNotFoundError"),
        ("site_plugin:Raises", "no licence"),
        ("site_plugin:OtherName", "calls itself 'other'"),
        ("site_plugin:NoOptions", "no dataclass Options"),
        ("site_plugin:NoVerify", "no method verify"),
    ],
)
def test_a_broken_verifier_is_refused_naming_distribution_and_version(install, value, reason):
    install(value)
    with pytest.raises(PluginError) as caught:
        load(["site"])
    assert "site-verifiers 1.2" in str(caught.value)
    assert reason in str(caught.value)


def test_a_verifier_that_others_can_change_is_not_even_imported(install, tmp_path):
    install("site_plugin:Site", source=f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n{PLUGIN}")
    source = tmp_path / "site-verifiers/site_plugin.py"
    source.chmod(0o666)
    with pytest.raises(Untrusted, match=r"site_plugin\.py may be written by everybody"):
        load(["site"])
    assert not (tmp_path / "ran").exists()
    source.chmod(0o644)
    load(["site"])
    assert (tmp_path / "ran").exists()


def test_a_verifier_that_does_not_compile_is_refused(install):
    install("site_plugin:Site", source="def (")
    with pytest.raises(PluginError, match="SyntaxError"):
        load(["site"])


def test_two_distributions_with_one_name_are_refused_naming_both(install):
    install("site_plugin:Site", "first-verifiers")
    install("site_plugin:Site", "second-verifiers")
    with pytest.raises(PluginError, match=r"first-verifiers 1\.2, second-verifiers 1\.2"):
        load(["site"])


def test_every_problem_of_the_options_is_told_at_once_with_its_path():
    verifier = load(["postgres"])["postgres"]
    problems = option_problems(
        verifier,
        {
            "prot": 5432,
            "port": "5432",
            "amcheck": "yes",
            "checksums": "maybe",
            "newest": {"query": "select 1", "canry": True},
            "assertions": [{"name": "a", "sql": "select 1"}, {"name": "b", "sql": "select 1", "equal": 1, "equals": 1}],
        },
    )
    told = {".".join(map(str, problem.path)): problem.message for problem in problems}
    assert told["prot"] == "unknown key; did you mean `port`?"
    assert told["newest.canry"] == "unknown key; did you mean `canary`?"
    assert told["assertions.1.equal"] == "unknown key; did you mean `equals`?"
    assert "equals, at_least, at_most or matches" in told["assertions.0"]
    assert {"port", "amcheck", "checksums"} <= told.keys()


def test_options_are_built_from_yaml_data():
    verifier = load(["http"])["http"]
    options = make_options(
        verifier, {"url": "http://127.0.0.1/", "json": [{"pointer": "/n", "equals": 3}]}, check="web"
    )
    assert options.json[0].equals == 3


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("http", {"url": "file:///etc/shadow"}, "must begin with http"),
        ("http", {"url": "http://x", "json": [{"pointer": "n", "equals": 1}]}, "begins with a slash"),
        ("command", {"argv": []}, "name a program"),
        ("tcp", {}, "port"),
    ],
)
def test_a_plan_with_bad_options_is_refused_naming_check_verifier_and_version(name, data, reason):
    with pytest.raises(PluginError) as caught:
        Checks([CheckSpec(name="front door", verifier=name, options=data)])
    text = str(caught.value)
    assert "check front door" in text
    assert f"verifier {name} of drproof" in text
    assert reason in text


def test_editors_get_a_schema_of_the_options():
    schema = options_schema(load(["postgres"])["postgres"])
    assert schema["properties"]["port"] == {
        "default": 5432,
        "description": "Port of the server; it names the socket too.",
        "title": "Port",
        "type": "integer",
    }
