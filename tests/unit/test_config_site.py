"""A valid site becomes domain values, every default filled in, every path absolute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.codec import digest, from_data, to_data
from drp.config.site import find_site, load_site
from drp.domain.plan import DrillPlan, Scenario
from drp.domain.recovery_point import Selection
from drp.domain.repository import DirectoryLocation, MediumLocation, S3Location
from drp.domain.restore import SecretReference
from drp.errors import ConfigError, NotFound, UsageError
from tests.support.sites import DRILL, EHR, SITE, write_site

S3 = """\
repositories:
  vault:
    location:
      s3:
        endpoint: https://s3.hospital.example:9000/
        bucket: backup
        prefix: clinical/2026
        ca_file: secrets/ca.pem
        access_key: {credential: s3-id}
        secret_key: {command: [pass, show, s3]}
    password: {file: /run/secrets/vault}
    limits: {connect: 1s, command: 10m}
  shelf:
    location: {medium: {mount: /media/shelf, label: SHELF-A, path: clinical}}
    password: {file: shelf}
"""


def test_a_small_site_with_every_default(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path))
    assert site.directory == tmp_path
    assert (site.name, site.locale) == ("test-site", "en")
    assert site.state_directory == tmp_path / "state"
    assert site.journal == tmp_path / "state/journal.sqlite"
    assert site.evidence_directories == (tmp_path / "evidence",)
    assert site.manifests_directory == tmp_path / "manifests"
    assert site.runbook_folders[0] == tmp_path / "runbooks"
    assert list(site.sandboxes) == ["default"]
    assert site.repositories["vault"].location == DirectoryLocation(path=Path("/srv/backup"))
    assert site.repositories["shelf"].password == SecretReference(kind="credential", value=("shelf",))
    assert site.endpoints() == ()


def test_where_things_are_kept_can_be_said(tmp_path: Path) -> None:
    said = SITE + (
        "locale: fr\nstate: /var/lib/drp\nevidence: {sinks: [/mnt/worm, kept]}\nmanifests: {directory: /srv/manifests}\n"
        "journal: {url: postgresql+pg8000://drp.db/drp, password: {file: secrets/db}}\n"
    )
    site = load_site(write_site(tmp_path, {"drp.yml": said}))
    assert site.locale == "fr"
    assert site.state_directory == Path("/var/lib/drp")
    assert site.evidence_directories == (Path("/mnt/worm"), tmp_path / "kept")
    assert site.manifests_directory == Path("/srv/manifests")
    assert site.journal == "postgresql+pg8000://drp.db/drp"
    assert site.journal_password == SecretReference(kind="file", value=(str(tmp_path / "secrets/db"),))


def test_repositories(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path, {"inventory/repositories.yml": S3}))
    vault, shelf = site.repository("vault"), site.repository("shelf")
    assert isinstance(vault.location, S3Location)
    assert vault.location.shown == "https://s3.hospital.example:9000/backup/clinical/2026"
    assert vault.location.ca_file == tmp_path / "secrets/ca.pem"
    assert vault.location.secret_key == SecretReference(kind="command", value=("pass", "show", "s3"))
    assert vault.password == SecretReference(kind="file", value=("/run/secrets/vault",))
    assert (vault.limits.connect_seconds, vault.limits.command_seconds) == (1.0, 600.0)
    assert shelf.location == MediumLocation(mount=Path("/media/shelf"), label="SHELF-A", path="clinical")
    assert site.endpoints() == (("s3.hospital.example", 9000),)


def test_applications(tmp_path: Path) -> None:
    said = EHR + "owner: Head of records\ndepends_on: [documents]\n"
    files = {
        "inventory/applications/ehr.yml": said.replace("{repositories: [vault, shelf]}", "{repositories: [vault], points: {tags: [a, b], host: db1, path: /var}}"),
        "inventory/applications/documents.yml": "name: documents\ntitle: D\ntier: 2\nobjectives: {rto: 1d, rpo: 0s, mtpd: P3D}\n",
        "inventory/drills/hospital.yml": None,
    }  # fmt: skip
    site = load_site(write_site(tmp_path, files))
    ehr, documents = site.application("ehr"), site.application("documents")
    assert ehr.drilled
    assert not documents.drilled
    assert ehr.points.tags == ("a", "b")
    assert (ehr.points.host, ehr.points.path) == ("db1", "/var")
    assert (ehr.owner, ehr.depends_on) == ("Head of records", ("documents",))
    assert ehr.checks[0].timeout == timedelta(minutes=5)
    assert documents.objectives.rpo == timedelta(0)
    assert documents.objectives.mtpd == timedelta(days=3)


def test_options_reach_the_verifier_as_they_were_said(tmp_path: Path) -> None:
    options = '{"off": no, n: [1, 2.5, true, ~, 0x1F], time: 12:30, "1": 2026-11-21, ver: 1.10}'
    said = EHR.replace("verifier: postgres}", f"verifier: postgres, options: {options}}}")
    site = load_site(write_site(tmp_path, {"inventory/applications/ehr.yml": said}))
    assert site.application("ehr").checks[0].options == {
        "off": "no", "n": [1, 2.5, True, None, 31], "time": "12:30", "1": "2026-11-21", "ver": 1.1,
    }  # fmt: skip


def test_the_plan_of_a_drill(tmp_path: Path) -> None:
    plan = load_site(write_site(tmp_path)).plan("hospital")
    assert plan.scenario == Scenario(title="Ransomware")
    assert [(recovery.name, recovery.repository) for recovery in plan.recoveries] == [
        ("ehr", "vault"),
        ("documents", "vault"),
    ]
    assert [[recovery.name for recovery in wave] for wave in plan.waves()] == [["ehr"], ["documents"]]
    assert plan.recoveries[0].selection == Selection()
    assert from_data(DrillPlan, to_data(plan)) == plan
    assert digest(plan) == digest(load_site(write_site(tmp_path)).plan("hospital"))


def test_a_recovery_may_differ_from_its_drill(tmp_path: Path) -> None:
    said = (
        "name: hospital\nscenario: {title: x, disaster_at: '2026-11-21T03:00:00+01:00'}\n"
        "recoveries:\n"
        "  - {application: ehr, repository: shelf, select: {policy: oldest-retained}, sandbox: large, require_manifest: false,"
        " media_deadline: 10m}\n"
        "  - documents\n"
        "select: {policy: newest-immutable, not_newer_than: 1h}\n"
        "on_interrupt: resume\nmedia_deadline: 1h\nkeep_for: 30m\n"
    )
    sandboxes = (
        "sandboxes: {large: {memory_bytes: 4GiB, data_bytes: 20GiB, cpus: 2, identity: range, sink_ports: [25]}}\n"
    )
    site = load_site(
        write_site(tmp_path, {"inventory/drills/hospital.yml": said, "inventory/sandboxes.yml": sandboxes})
    )
    plan = site.plan("hospital")
    ehr, documents = plan.recoveries
    assert plan.scenario.disaster_at == datetime(2026, 11, 21, 2, tzinfo=UTC)
    assert (plan.on_interrupt, plan.keep_for) == ("resume", timedelta(minutes=30))
    assert (ehr.repository, ehr.selection, ehr.require_manifest) == (
        "shelf",
        Selection(policy="oldest-retained"),
        False,
    )
    assert (ehr.sandbox.memory_bytes, ehr.sandbox.data_bytes, ehr.sandbox.sink_ports) == (4 << 30, 20 << 30, (25,))
    assert (ehr.sandbox.cpus, ehr.sandbox.identity) == (2.0, "range")
    assert ehr.media_deadline == timedelta(minutes=10)
    assert documents.selection == Selection(policy="newest-immutable", not_newer_than=timedelta(hours=1))
    assert documents.sandbox.name == "default"
    assert documents.media_deadline == timedelta(hours=1)


def test_flags_stand_above_the_file(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path))
    plan = site.plan(
        "hospital", applications=("ehr",), repository="shelf", point="a1b2c3", keep_sandbox=True, keep_for="20m"
    )
    assert [recovery.name for recovery in plan.recoveries] == ["ehr"]
    assert plan.recoveries[0].repository == "shelf"
    assert plan.recoveries[0].selection == Selection(policy="specific", point="a1b2c3")
    assert (plan.keep_sandbox, plan.keep_for) == (True, timedelta(minutes=20))


def test_an_ad_hoc_plan_needs_no_file(tmp_path: Path) -> None:
    plan = load_site(write_site(tmp_path, {"inventory/drills/hospital.yml": None})).ad_hoc_plan("ehr", point="a1b2c3")
    assert plan.name == "ad-hoc-ehr"
    assert plan.recoveries[0].selection == Selection(policy="specific", point="a1b2c3")
    assert plan.recoveries[0].require_manifest


def test_a_random_draw_has_its_seed_in_the_plan(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path, {"inventory/drills/hospital.yml": DRILL + "select: {policy: random}\n"}))
    seeds = {recovery.selection.seed for _ in range(4) for recovery in site.plan("hospital").recoveries}
    assert None not in seeds
    assert len(seeds) == 8
    assert site.plan("hospital", seed=7).recoveries[0].selection.seed == 7


def test_only_applications_with_a_log_are_rolled_to_an_instant(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path, {"inventory/applications/ehr.yml": EHR + "point_in_time: true\n"}))
    rolled = site.plan("hospital", recover_to="2026-11-21T02:00:00+01:00").recoveries
    instants = {recovery.name: recovery.selection.recover_to for recovery in rolled}
    assert instants == {"ehr": datetime(2026, 11, 21, 1, tzinfo=UTC), "documents": None}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            {"recover_to": "2026-11-21T02:00:00Z"},
            "none of ehr, documents can be recovered to an instant",
        ),
        ({"applications": ("lis",)}, "drill `hospital` does not recover `lis`; known here: documents, ehr"),
        ({"point": "a1b2c3"}, "recovery point a1b2c3 of which application?"),
        ({"repository": "shelf"}, "`documents` has no backup in `shelf`"),
        ({"policy": "specific"}, "which recovery point?"),
        ({"seed": 3}, "a seed needs --policy random"),
        ({"applications": ("ehr",), "point": "a1b2", "policy": "newest"}, "a recovery point leaves nothing to choose"),
        ({"keep_for": "soon"}, "'soon' is not a duration: write it as 30m, 4h or 1d12h"),
    ],
)
def test_flags_that_ask_for_the_impossible(tmp_path: Path, flags: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_site(write_site(tmp_path)).plan("hospital", **flags)
    assert caught.value.message == message


def test_names_that_are_not_there(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path))
    for ask, message in (
        (lambda: site.plan("hopsital"), "there is no drill `hopsital`; did you mean `hospital`?"),
        (lambda: site.ad_hoc_plan("her"), "there is no application `her`; did you mean `ehr`?"),
        (lambda: site.repository("zzz"), "there is no repository `zzz`; known here: shelf, vault"),
        (lambda: site.plan("hospital", sandbox="zzz"), "there is no sandbox `zzz`; known here: default"),
        (lambda: site.plan("hospital", repository="zzz"), "there is no repository `zzz`; known here: shelf, vault"),
    ):
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.message == message


def test_what_is_not_drilled_has_no_ad_hoc_plan(tmp_path: Path) -> None:
    lis = "name: lis\ntitle: L\ntier: 1\nobjectives: {rto: 1h, rpo: 1h}\n"
    with pytest.raises(UsageError, match="`lis` cannot be drilled: its file has no `backup`"):
        load_site(write_site(tmp_path, {"inventory/applications/lis.yml": lis})).ad_hoc_plan("lis")


def test_a_site_without_repositories_or_drills_is_a_site(tmp_path: Path) -> None:
    only = {"inventory/repositories.yml": None, "inventory/drills/hospital.yml": None}
    for name in ("ehr", "documents"):
        only[f"inventory/applications/{name}.yml"] = None
    assert load_site(write_site(tmp_path, only)).applications == {}


def test_the_site_is_found_by_flag_variable_and_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flagged, named, here = (write_site(tmp_path / name) for name in ("flagged", "named", "here"))
    monkeypatch.delenv("DRP_SITE", raising=False)
    monkeypatch.chdir(here)
    assert find_site() == here
    monkeypatch.setenv("DRP_SITE", str(named))
    assert find_site() == named
    assert find_site(flagged) == flagged
    with pytest.raises(ConfigError, match="is no site directory"):
        find_site(tmp_path)
    monkeypatch.delenv("DRP_SITE")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no site directory"):
        find_site()


def test_a_hundred_applications_are_read_in_a_moment(tmp_path: Path) -> None:
    import time

    files = {f"inventory/applications/a{n}.yml": EHR.replace("name: ehr", f"name: a{n}") for n in range(100)}
    directory = write_site(tmp_path, files)
    begun = time.monotonic()
    assert len(load_site(directory).applications) == 102
    assert time.monotonic() - begun < 60


def test_programs_that_the_site_names_are_the_site_s_and_never_the_caller_s(tmp_path: Path) -> None:
    said = """\
repositories:
  vault: {location: {directory: /srv/backup}, password: {command: [bin/ask, vault]}, executable: tools/restic}
  shelf: {location: {directory: /srv/shelf}, password: {command: [pass, shelf]}, executable: restic}
"""
    repositories = load_site(write_site(tmp_path, {"inventory/repositories.yml": said})).repositories
    assert repositories["vault"].executable == str(tmp_path / "tools/restic")
    assert repositories["vault"].password.value == (str(tmp_path / "bin/ask"), "vault")
    assert (repositories["shelf"].executable, repositories["shelf"].password.value) == ("restic", ("pass", "shelf"))
