"""Software images, production addresses, pods: what files may say of them, and what a drill makes of it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from drp.codec import from_data, to_data
from drp.config.site import check_site, load_site
from drp.domain.application import Application, ProductionAddress, SoftwareImage
from drp.domain.events import PhaseCompleted
from drp.domain.findings.catalogue import PHASE_UNEXERCISED, SOFTWARE_CHANGED
from drp.domain.phase import Prepared
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from drp.errors import ManifestError, NotFound
from drp.hashing.tree import TreeHasher
from tests.simulators.world import World, events_of
from tests.support.findings import told

DIGEST = "blake3:" + "a" * 64
OTHER = "blake3:" + "b" * 64


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "bin").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "bin" / "run").write_text("#!/bin/sh\n")
    (root / "bin" / "run").chmod(0o755)
    (root / "library").write_bytes(b"x" * 100_000)
    (root / "current").symlink_to("bin/run")
    return root


def digest(tree: Path, workers: int = 1) -> str:
    return TreeHasher(workers=workers).tree_digest(tree)


def test_a_copy_has_the_same_digest_whoever_owns_it_and_whenever_it_was_made(tree: Path, tmp_path: Path) -> None:
    before = digest(tree)
    assert before.startswith("blake3:")
    assert len(before) == 71
    copy = tmp_path / "copy"
    shutil.copytree(tree, copy, symlinks=True)
    for path in (copy, *copy.rglob("*")):
        os.utime(path, (1, 1), follow_symlinks=False)
        os.lchown(path, 1234, 1234)
    (copy / "library").chmod(0o600)
    os.link(copy / "library", tmp_path / "second name")
    assert digest(copy) == digest(tree, workers=3) == before


CHANGES = {
    "content": lambda tree: (tree / "library").write_bytes(b"x" * 99_999 + b"y"),
    "one more file": lambda tree: (tree / "empty" / "new").touch(),
    "one less": lambda tree: (tree / "library").unlink(),
    "another name": lambda tree: (tree / "library").rename(tree / "librarz"),
    "moved": lambda tree: (tree / "library").rename(tree / "bin" / "library"),
    "an empty directory gone": lambda tree: (tree / "empty").rmdir(),
    "a directory instead": lambda tree: ((tree / "library").unlink(), (tree / "library").mkdir()),
    "not executable": lambda tree: (tree / "bin" / "run").chmod(0o644),
    "executable": lambda tree: (tree / "library").chmod(0o744),
    "a link elsewhere": lambda tree: ((tree / "current").unlink(), (tree / "current").symlink_to("library")),
    "a file for a link": lambda tree: ((tree / "current").unlink(), (tree / "current").write_text("bin/run")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_software_would_notice_changes_the_digest(tree: Path, change: str) -> None:
    before = digest(tree)
    CHANGES[change](tree)
    assert digest(tree) != before


def test_what_cannot_be_read_whole_has_no_digest(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        digest(tmp_path / "absent")
    with pytest.raises(NotFound):
        digest(tree / "library")
    os.mkfifo(tree / "pipe")
    with pytest.raises(ManifestError, match="pipe"):
        digest(tree)


# ---- what a file may say

FILES = {
    "drp.yml": "version: 1\nname: demo\n",
    "inventory/applications/ehr.yml": "version: 1\nname: ehr\ntitle: EHR\ntier: 0\nobjectives: {rto: 1h, rpo: 1h}\n",
}


def site_with(folder: Path, software: str) -> Path:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content + (software if name.endswith("ehr.yml") else ""))
    return folder


def test_software_is_read_and_its_path_is_below_the_site(tmp_path: Path) -> None:
    said = f"software:\n  - {{image: images/ehr, at: /opt/gnuhealth, digest: {DIGEST}}}\n"
    application = load_site(site_with(tmp_path, said)).application("ehr")
    assert application.software == (
        SoftwareImage(image=str(tmp_path / "images/ehr"), at="/opt/gnuhealth", digest=DIGEST),
    )


@pytest.mark.parametrize(
    "at",
    ["/data/x", "/run/drp", "/proc", "/dev/shm/x", "/etc/ssl", "/usr/local/x", "/", "opt/x", "/opt/../usr", "/opt/x/", "//opt", "/tmp/x", "/lib64"],
)  # fmt: skip
def test_no_place_of_the_sandbox_is_hidden(tmp_path: Path, at: str) -> None:
    said = f"software:\n  - {{image: /srv/x, at: {at}, digest: {DIGEST}}}\n"
    (problem,) = check_site(site_with(tmp_path, said))
    assert "inventory/applications/ehr.yml:7" in str(problem)


def test_images_side_by_side_and_proper_digests(tmp_path: Path) -> None:
    two = f"software:\n  - {{image: /srv/x, at: /opt/a, digest: {DIGEST}}}\n  - {{image: /srv/y, at: /opt/a/b, digest: {DIGEST}}}\n"
    (problem,) = check_site(site_with(tmp_path, two))
    assert "overlap" in str(problem)
    (problem,) = check_site(site_with(tmp_path, "software:\n  - {image: /srv/x, at: /opt/a, digest: 'sha256:1234'}\n"))
    assert "drp app image" in str(problem)


# ---- what a drill does

IMAGE = SoftwareImage(image="/srv/images/ehr", at="/opt/ehr", digest=DIGEST)


def drilled(images: dict[str, str]) -> World:
    world = World()
    world.script.images = images
    (recovery,) = world.plan.recoveries
    application = replace(recovery.application, software=(IMAGE,))
    world.plan = replace(world.plan, recoveries=(replace(recovery, application=application),))
    run(world)
    return world


def run(world: World) -> None:
    ports = world.ports()
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False), ports)


def concluded(world: World) -> str:
    return next(event.verdict for event in reversed(events_of(world)) if hasattr(event, "verdict"))


def prepared(world: World) -> Prepared:
    outputs = [event.output for event in events_of(world) if isinstance(event, PhaseCompleted)]
    return next(output for output in outputs if isinstance(output, Prepared))


def codes(world: World) -> list[str]:
    return [finding.code for finding in told(events_of(world))]


def test_the_declared_image_is_bound_and_recorded() -> None:
    world = drilled({IMAGE.image: DIGEST})
    assert world.orders[0].software == (IMAGE,)
    (found,) = prepared(world).software
    assert (found.image, found.at, found.digest, found.as_declared) == (IMAGE.image, IMAGE.at, DIGEST, True)
    assert concluded(world) == "passed"


def test_another_image_is_a_critical_finding_and_nothing_is_restored() -> None:
    world = drilled({IMAGE.image: OTHER})
    assert world.orders[0].software == (), "it is not even bound"
    assert SOFTWARE_CHANGED.code in codes(world)
    assert "runbook.restore" not in world.calls
    assert not world.alive
    assert concluded(world) == "failed"


def test_a_missing_image_is_inconclusive() -> None:
    world = drilled({})
    assert "open" not in world.calls
    assert PHASE_UNEXERCISED.code in codes(world)
    assert concluded(world) == "inconclusive"


def test_journals_from_before_still_read() -> None:
    (recovery,) = World().plan.recoveries
    data = to_data(recovery.application)
    del data["software"], data["addresses"]
    assert from_data(Application, data) == recovery.application


# ---- addresses and pods


def two(folder: Path, addresses: str, more: str, drill: str) -> Path:
    site = site_with(folder, f"runbook: {{kind: files}}\nbackup: {{repositories: [vault]}}\naddresses:\n{addresses}")
    application = FILES["inventory/applications/ehr.yml"].replace("ehr", "lis")
    complete = "runbook: {kind: files}\nbackup: {repositories: [vault]}\naddresses:\n"
    (site / "inventory/applications/lis.yml").write_text(application + complete + more)
    (site / "inventory/repositories.yml").write_text(
        "version: 1\nrepositories:\n  vault: {kind: restic, password: {file: x}, location: {directory: vault}}\n"
    )
    (site / "inventory/drills").mkdir()
    (site / "inventory/drills/both.yml").write_text(
        f"version: 1\nname: both\nscenario: {{title: Fire}}\nrecoveries: [ehr, lis]\n{drill}"
    )
    return site


EHR = "  - {address: 10.20.0.11, names: [ehr.hospital.example, EHR]}\n"
LIS = "  - {address: '2001:DB8::1', names: []}\n"


def test_an_address_leads_to_one_application(tmp_path: Path) -> None:
    site = two(tmp_path, EHR, "  - {address: 10.20.0.11, names: [lis]}\n", "pod: true\n")
    (problem,) = check_site(site)
    assert "in one pod, 10.20.0.11 would lead to `ehr` and to `lis`" in str(problem)
    assert "drills/both.yml" in str(problem)
    (site / "inventory/drills/both.yml").write_text(
        "version: 1\nname: both\nscenario: {title: Fire}\nrecoveries: [ehr, lis]\n"
    )
    assert check_site(site) == ()


def test_a_link_local_address_is_no_place_in_a_pod(tmp_path: Path) -> None:
    (problem,) = check_site(two(tmp_path, EHR, "  - {address: 169.254.1.2, names: []}\n", "pod: true\n"))
    assert "169.254.1.2 leads nowhere" in str(problem)


def test_in_a_pod_each_application_knows_where_the_others_are(tmp_path: Path) -> None:
    plan = load_site(two(tmp_path, EHR, LIS, "pod: true\n")).plan("both")
    assert plan.pod
    ehr, lis = plan.recoveries
    assert plan.neighbours_of(ehr) == {"lis": (ProductionAddress(address="2001:db8::1"),)}
    assert plan.neighbours_of(lis) == {
        "ehr": (ProductionAddress(address="10.20.0.11", names=("ehr.hospital.example", "EHR")),)
    }
    alone = replace(plan, pod=False)
    assert alone.neighbours_of(ehr) == alone.neighbours_of(lis) == {}


def test_a_name_leads_to_one_address(tmp_path: Path) -> None:
    site = two(tmp_path, EHR, "  - {address: 10.20.0.12, names: [ehr]}\n", "pod: true\n")
    (problem,) = check_site(site)
    assert "10.20.0.11 and to 10.20.0.12" in str(problem)
    assert "drills/both.yml" in str(problem)


@pytest.mark.parametrize(
    "address",
    ["{address: ehr.example}", "{address: 127.0.0.1}", "{address: '::'}", "{address: 10.0.0.1, names: ['a b']}",
     "{address: 10.0.0.1, names: ['a\\nb']}", "{address: 10.0.0.1, names: ['-a']}", "{address: 10.0.0.0/8}"],
)  # fmt: skip
def test_hostile_addresses_are_refused(tmp_path: Path, address: str) -> None:
    assert check_site(site_with(tmp_path, f"addresses: [{address}]\n"))


def podded() -> World:
    world = World(names=("ehr", "lis"))
    recoveries = [
        replace(
            each, application=replace(each.application, addresses=(ProductionAddress(address=f"10.20.0.{number}"),))
        )
        for number, each in enumerate(world.plan.recoveries, start=11)
    ]
    world.plan = replace(world.plan, pod=True, recoveries=tuple(recoveries))
    return world


def test_all_sandboxes_of_a_drill_in_a_pod_know_each_other_and_who_they_are() -> None:
    world = podded()
    run(world)
    first, second = world.orders
    assert first.pod == second.pod != ""
    assert first.neighbours == {second.application: second.addresses}
    assert second.neighbours == {first.application: first.addresses}
    assert [each.address for each in first.everywhere] == ["10.20.0.11", "10.20.0.12"]
    assert concluded(world) == "passed"


def test_without_a_pod_each_is_alone_with_its_own_addresses() -> None:
    world = podded()
    world.plan = replace(world.plan, pod=False)
    run(world)
    assert [(order.pod, len(order.everywhere)) for order in world.orders] == [("", 1), ("", 1)]
