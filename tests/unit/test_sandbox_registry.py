"""Drivers of sandboxes: found by name, dispatched by profile and handle, and never lost when they are gone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from drp.cli.kept_views import clean_up
from drp.codec import from_data, to_data
from drp.config.json_schema import file_schema
from drp.config.site import check_site, load_site
from drp.domain.sandbox import IsolationProof, ProbeCheck, SandboxHandle, SandboxOrder, SandboxProfile
from drp.errors import PluginError, SandboxError, Untrusted
from drp.sandboxes import registry
from drp.sandboxes.host import layout, reaper
from drp.sandboxes.host.layout import LiveDirectory
from drp.sandboxes.proof.whole import require_whole
from drp.sandboxes.registry import Sandboxes
from drp.service.wiring import Wiring
from tests.support.distributions import lay_distribution
from tests.support.sites import write_site

PLUGIN = """
from typing import Literal
from pydantic import Field
from drp.config.schema_sandboxes import SandboxFile
from drp.domain.sandbox import IsolationProof, Residue, SandboxHandle
class Made:
    calls = []
    def open(self, profile, label, order):
        self.calls.append(("open", label))
        return SandboxHandle(id=label, role="run", driver={made!r}, control_socket="", data_path="")
    def destroy(self, handle):
        self.calls.append(("destroy", handle.id))
        return Residue(processes=0)
    def prove(self, handle):
        return IsolationProof(denied=1, allowed=0, errors=0, control_reached=1, control_missed=(), canary_hits=0,
            canary_intact=True, checks=())
class File(SandboxFile):
    driver: Literal[{name!r}]
    image: str = Field(default="none", description="Where it starts from.")
class Driver:
    name = {name!r}
    file = File
    def create(self, run_directory, *, resolve, gateway):
        return Made()
    def reap(self, run_directory):
        if (run_directory / "stuck").exists():
            raise ZeroDivisionError("a bug of its own")
        return ()
    def requirements(self, run_directory):
        return ()
    def room_for(self, profile, run_directory):
        return ""
    def programs(self):
        yield from ()
DRIVER = Driver()
"""
Install = Callable[..., Path]
FILE = PLUGIN.partition("from drp.domain")[0] + "class File(SandboxFile): driver: Literal['machine']\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return what installs a distribution with one driver called machine."""

    def add(
        distribution: str = "site-machines", source: str = "", name: str = "machine", made: str = "machine"
    ) -> Path:
        folder = lay_distribution(
            tmp_path / distribution, distribution, "drp.sandboxes", {"machine": "site_machine:DRIVER"}
        )
        (folder / "site_machine.py").write_text(source or PLUGIN.format(name=name, made=made))
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, "site_machine", raising=False)
        return folder

    return add


def sandboxes(tmp_path: Path) -> Sandboxes:
    return Sandboxes(tmp_path / "run", resolve=lambda _reference: "")


def handle(driver: str) -> SandboxHandle:
    return SandboxHandle(id="drp-0123456789ab", role="run", driver=driver, control_socket="", data_path="")


SANDBOXES = "sandboxes:\n  default: {memory_bytes: 1GiB}\n  other:\n    driver: bubblewarp\n"


def test_an_unknown_driver_is_refused_where_it_stands_with_the_one_that_was_meant(tmp_path: Path) -> None:
    found = check_site(write_site(tmp_path, {"inventory/sandboxes.yml": SANDBOXES}))
    where, what = "inventory/sandboxes.yml:4:13", "no sandbox driver is called bubblewarp; did you mean bubblewrap?"
    assert [str(problem) for problem in found] == [f"{where}: sandboxes.other.driver: {what}"]


def test_an_installed_driver_brings_its_own_settings(tmp_path: Path, install: Install) -> None:
    install()
    said = SANDBOXES.replace("bubblewarp", "machine\n    image: debian")
    site = load_site(write_site(tmp_path, {"inventory/sandboxes.yml": said}))
    other, default = site.sandboxes["other"], site.sandboxes["default"]
    assert (other.driver, other.options, other.memory_bytes) == ("machine", {"image": "debian"}, 1 << 30)
    assert (default.driver, default.options) == ("bubblewrap", {})
    assert from_data(SandboxProfile, to_data(other)) == other
    wrong = said.replace("image: debian", "imgae: debian\n    cpus: -1")
    found = [str(problem) for problem in check_site(write_site(tmp_path, {"inventory/sandboxes.yml": wrong}))]
    assert found == [
        "inventory/sandboxes.yml:5:5: sandboxes.other.imgae: unknown key; did you mean `image`?",
        "inventory/sandboxes.yml:6:11: sandboxes.other.cpus: must be greater than 0",
    ]
    only = SANDBOXES.replace("driver: bubblewarp", "image: debian")
    (problem,) = check_site(write_site(tmp_path, {"inventory/sandboxes.yml": only}))
    assert str(problem).startswith("inventory/sandboxes.yml:4:5: sandboxes.other.image: unknown key; ")


def test_editors_are_offered_every_installed_driver_with_its_settings(install: Install) -> None:
    assert file_schema("sandboxes")["$defs"]["BubblewrapFile"]["properties"]["driver"]["const"] == "bubblewrap"
    install()
    schema = file_schema("sandboxes")
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    assert judge.is_valid({"sandboxes": {"a": {"driver": "machine", "image": "debian"}, "b": {}}})
    assert not judge.is_valid({"sandboxes": {"a": {"driver": "bubblewrap", "image": "debian"}}})
    assert not judge.is_valid({"sandboxes": {"a": {"driver": "bubblewarp"}}})


def test_a_profile_says_who_opens_and_a_handle_who_does_the_rest(tmp_path: Path, install: Install) -> None:
    install()
    port = sandboxes(tmp_path)
    opened = port.open(SandboxProfile(name="x", driver="machine"), "one")
    assert (opened.id, opened.driver) == ("one", "machine")
    assert port.destroy(opened).clean
    assert sys.modules["site_machine"].Made.calls == [("open", "one"), ("destroy", "one")]


def test_a_driver_that_cannot_be_imported_is_named_and_hurts_nobody_else(tmp_path: Path, install: Install) -> None:
    install(source="import no_such_module\n")
    with pytest.raises(PluginError, match=r"machine \(site_machine:DRIVER\) of site-machines 1\.2 cannot be loaded"):
        registry.driver("machine")
    with pytest.raises(SandboxError, match=r"site-machines 1\.2 cannot be loaded"):
        sandboxes(tmp_path).open(SandboxProfile(name="x", driver="machine"), "one")
    assert registry.driver("bubblewrap").name == "bubblewrap"
    assert registry.reap(tmp_path) == ()


def test_a_driver_with_another_name_than_its_entry_or_its_handles_is_refused(tmp_path: Path, install: Install) -> None:
    install(name="other")
    with pytest.raises(PluginError, match="calls itself 'other'"):
        registry.driver("machine")
    (tmp_path / "site-machines" / "site_machine.py").write_text(f"{FILE}class DRIVER: name, file = 'machine', File\n")
    sys.modules.pop("site_machine")
    with pytest.raises(PluginError, match=r"of site-machines 1\.2 has no method create"):
        registry.driver("machine")
    (tmp_path / "site-machines" / "site_machine.py").write_text("class DRIVER: name = 'machine'\n")
    sys.modules.pop("site_machine")
    with pytest.raises(PluginError, match="does not say what a profile may say of it"):
        registry.driver("machine")
    (tmp_path / "site-machines" / "site_machine.py").write_text(
        f"{FILE}class DRIVER: name, file = 'machine', SandboxFile\n"
    )
    sys.modules.pop("site_machine")
    with pytest.raises(PluginError, match=r"has to declare `driver: Literal\['machine'\]`"):
        registry.driver("machine")
    (tmp_path / "site-machines" / "site_machine.py").write_text(PLUGIN.format(name="machine", made="other"))
    sys.modules.pop("site_machine")
    port = sandboxes(tmp_path)
    with pytest.raises(SandboxError, match="machine made a sandbox of other"):
        port.open(SandboxProfile(name="x", driver="machine"), "one")
    assert ("destroy", "one") in sys.modules["site_machine"].Made.calls


def test_a_driver_that_others_can_change_is_not_loaded(install: Install) -> None:
    (install() / "site_machine.py").chmod(0o666)
    with pytest.raises(Untrusted, match=r"site_machine\.py"):
        registry.driver("machine")
    assert "site_machine" not in sys.modules


def test_what_a_driver_that_is_gone_left_is_named_and_stays(tmp_path: Path, install: Install) -> None:
    live = LiveDirectory(layout.home(tmp_path / "run"), "drp-0123456789ab")
    live.record(label="ehr", driver="machine")
    assert registry.reap(tmp_path / "run") == (), "somebody holds it"
    live.release()
    (left,) = registry.reap(tmp_path / "run")
    assert (left.id, left.paths) == ("drp-0123456789ab", ())
    assert left.left == (
        "no sandbox driver is called machine; installed are: bubblewrap; "
        "install a package that brings it, and clean up again"
    )
    assert (live.path / "meta.json").exists()
    with pytest.raises(SandboxError, match="no sandbox driver is called machine"):
        sandboxes(tmp_path).destroy(handle("machine"))
    install()
    assert registry.reap(tmp_path / "run") == (), "the driver's own affair now, and not bubblewrap's"
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "run" / "stuck").touch()
    assert "cannot clean up: ZeroDivisionError: a bug of its own" in registry.reap(tmp_path / "run")[0].left
    assert json.loads((live.path / "meta.json").read_text())["driver"] == "machine"
    assert [each.id for each in reaper.reap(tmp_path / "run")] == ["drp-0123456789ab"]


def test_a_pod_has_one_driver(tmp_path: Path, install: Install) -> None:
    install()
    port = sandboxes(tmp_path)
    order, profile = SandboxOrder(pod="drill"), SandboxProfile(name="x", driver="machine")
    first = port.open(profile, "one", order)
    with pytest.raises(SandboxError, match="in one pod, sandboxes by machine and by bubblewrap"):
        port.open(SandboxProfile(name="y"), "two", order)
    port.destroy(first)
    assert port._taken == []
    assert port.open(SandboxProfile(name="z", driver="machine"), "three", order).driver == "machine"


def proof(**changes: object) -> IsolationProof:
    kinds = ("fs", "kernel", "net", "proc", "repo", "unix")
    checks = tuple(ProbeCheck(id=f"{kind}.{n}", kind=kind, outcome="denied") for kind in kinds for n in range(12))
    whole = {"denied": len(checks), "allowed": 0, "errors": 0, "control_reached": 20, "control_missed": ()}
    return IsolationProof(**{**whole, "canary_hits": 0, "canary_intact": True, "checks": checks, **changes})


def test_a_proof_that_tried_less_than_drp_does_is_none(tmp_path: Path, install: Install) -> None:
    require_whole(proof(), "machine")
    require_whole(proof(denied=3, allowed=1), "machine")  # it does not hold, and says so itself
    few = proof().checks[::2]
    for wrong, why in (
        (proof(denied=80), "does not add up"),
        (proof(checks=(*proof().checks[:-1], proof().checks[0])), "does not add up"),
        (proof(denied=36, checks=few), "tried only 36 ways out"),
        (proof(denied=60, checks=proof().checks[12:]), "tried nothing of fs"),
    ):
        with pytest.raises(SandboxError, match=why):
            require_whole(wrong, "machine")
    install()
    with pytest.raises(SandboxError, match="does not add up"):
        sandboxes(tmp_path).prove(handle("machine"))


POD = """\
name: hospital
scenario: {title: Ransomware}
pod: true
recoveries: [ehr, {application: documents, sandbox: other}]
"""


def test_profiles_of_a_pod_have_one_driver(tmp_path: Path, install: Install) -> None:
    install()
    profiles = SANDBOXES.replace("bubblewarp", "machine")
    files = {"inventory/sandboxes.yml": profiles, "inventory/drills/hospital.yml": POD}
    (found,) = check_site(write_site(tmp_path, files))
    assert str(found) == (
        "inventory/drills/hospital.yml:4:19: recoveries[1]: in a pod, a sandbox by machine does not reach those by "
        "bubblewrap: take profiles of one `driver`"
    )
    alone = {**files, "inventory/drills/hospital.yml": POD.replace("pod: true", "pod: false")}
    assert check_site(write_site(tmp_path, alone)) == ()
    same = {
        **files,
        "inventory/drills/hospital.yml": POD.replace("recoveries: [ehr,", "sandbox: other\nrecoveries: [ehr,"),
    }
    assert check_site(write_site(tmp_path, same)) == ()


def test_whoever_cleans_up_hears_what_is_still_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = write_site(tmp_path / "site")
    wiring = Wiring(load_site(site))
    live = LiveDirectory(layout.home(wiring.run_directory), "drp-0123456789ab")
    live.record(label="ehr", driver="machine")
    live.release()
    wiring.run_directory.mkdir(parents=True, exist_ok=True)
    assert clean_up(wiring, machine=False) == 1
    said = capsys.readouterr().out
    assert "still here: sandbox drp-0123456789ab: no sandbox driver is called machine" in said
    assert "0 cleaned" in said
    assert clean_up(wiring, machine=True) == 1
    (row,) = json.loads(capsys.readouterr().out)["items"]
    assert row["clean"] is False
    assert [each.id for each in reaper.reap(wiring.run_directory)] == ["drp-0123456789ab"]
    assert clean_up(wiring, machine=False) == 0
    assert capsys.readouterr().out == "nothing to clean\n"
