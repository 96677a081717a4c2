"""`drp repo worm --probe` and `drp repo policy` as somebody types them, on a real store."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drp.config.site import load_site
from drp.domain.worm.facts import LocksProbed
from drp.service.wiring import Wiring
from tests.cli.test_check import RESTIC, application, run
from tests.simulators import lies
from tests.simulators.lying_store import LyingStore
from tests.support.restic_tools import PASSWORD, Restic, make_tree
from tests.support.s3_server import S3Server
from tests.support.sites import write_site

BUCKET = "b" + uuid.uuid4().hex[:10]


@pytest.fixture(scope="module")
def filled(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A bucket with a repository of one point."""
    url = s3_server.make_bucket(BUCKET)
    writer = Restic(RESTIC, f"{url}/ehr", PASSWORD, s3_server.environment("writer")).init()
    writer.backup(make_tree(tmp_path_factory.mktemp("source") / "tree", files=2), tags=("app=ehr",))
    return BUCKET


@pytest.fixture
def make(s3_server: S3Server, filled: str, tmp_path: Path) -> Callable[..., Path]:
    def build(worm: str = "probe: {access_key: {file: p-access}, secret_key: {file: p-secret}}", **more: str) -> Path:
        reader, prober = s3_server.identities["ro_lock"], s3_server.identities["prober"]
        place = f"endpoint: '{more.get('endpoint', s3_server.endpoint)}', bucket: {filled}, prefix: ehr"
        keys = "access_key: {file: access}, secret_key: {file: secret}"
        vault = (
            f"vault: {{kind: restic, executable: {RESTIC}, password: {{file: password}}, "
            f"location: {{s3: {{{place}, {keys}}}}}, worm: {{{worm}}}}}"
        )
        site = write_site(
            tmp_path / "site",
            {
                "drp.yml": "version: 1\nname: probed\n",
                "inventory/repositories.yml": f"repositories:\n  {vault}\n",
                "inventory/applications/ehr.yml": application("ehr"),
                "inventory/applications/documents.yml": None,
                "inventory/drills/hospital.yml": None,
                "password": PASSWORD,
                "access": reader.access_key,
                "secret": reader.secret_key,
                "p-access": prober.access_key,
                "p-secret": prober.secret_key,
            },
        )
        for secret in ("password", "access", "secret", "p-access", "p-secret"):
            (site / secret).chmod(0o600)
        return site

    return build


def noted(site: Path) -> list[LocksProbed]:
    wiring = Wiring(load_site(site))
    try:
        return [each.event for each in wiring.register().entries() if isinstance(each.event, LocksProbed)]
    finally:
        wiring.close()


def test_it_is_probed_once_an_hour_and_written_down(make: Callable[..., Path]) -> None:
    site = make()
    done = run(site, "repo", "worm", "vault", "--probe")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the lock was probed, and held" in done.stdout
    assert "403 AccessDenied" in done.stdout
    (first,) = noted(site)
    assert first.repository == "vault"
    assert first.probe.proven
    soon = run(site, "repo", "worm", "vault", "--probe")
    assert soon.returncode == 11
    assert "--again" in soon.stderr
    shown = json.loads(run(site, "repo", "worm", "vault", "--json").stdout)
    assert shown["probed"]["subject"] == first.probe.subject
    again = run(site, "repo", "worm", "vault", "--probe", "--again", "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["schema"] == "drp/repository-locks/1"
    assert [each.probe.subject for each in noted(site)] == [first.probe.subject] * 2
    secrets = {(site / name).read_text() for name in ("access", "secret", "p-access", "p-secret", "password")}
    kept = b"".join(path.read_bytes() for path in (site / "state").rglob("*") if path.is_file())
    assert not any(secret.encode() in kept for secret in secrets)


def test_a_store_that_lies_fails(make: Callable[..., Path], s3_server: S3Server) -> None:
    with LyingStore(s3_server, lies.refuses_and_deletes) as store:
        site = make(endpoint=store.endpoint)
        done = run(site, "repo", "worm", "vault", "--probe")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "DRP-L020" in done.stdout
    assert "the lock was not shown to hold" in done.stdout
    at_once, whole = noted(site)
    assert at_once.probe.broken, "written down before the other attempts: nobody can take it back"
    assert len(at_once.probe.tried) < len(whole.probe.tried)
    file = site / "inventory" / "repositories.yml"
    file.write_text(file.read_text().replace(store.endpoint, s3_server.endpoint))
    healed = run(site, "repo", "worm", "vault", "--probe", "--again")
    assert "the lock was probed, and held" in healed.stdout
    assert "DRP-L028" in healed.stdout, "and that it did not hold before is told"
    assert noted(site)[-1].probe.broken_at == whole.probe.at


def test_without_keys_of_its_own_nothing_is_tried(make: Callable[..., Path], s3_server: S3Server, filled: str) -> None:
    site, before = make(worm="mode: compliance"), s3_server.versions(filled)
    done = run(site, "repo", "worm", "vault", "--probe")
    assert done.returncode == 2
    assert "drp repo policy vault --for probe" in done.stderr
    assert s3_server.versions(filled) == before
    assert not noted(site)
    assert run(site, "repo", "worm", "vault", "--again").returncode == 2


def test_a_bucket_of_the_site_is_never_the_scratch_bucket(make: Callable[..., Path], filled: str) -> None:
    site = make(worm="probe: {access_key: {file: p-access}, secret_key: {file: p-secret}}, scratch_bucket: " + filled)
    run(site, "repo", "worm", "vault", "--probe")
    (found,) = noted(site)
    wide = [each for each in found.probe.tried if each.attempt == "suspend-versioning"]
    assert [(each.came, filled in (each.why or "")) for each in wide] == [("not-probed", True)]


def policies(site: Path, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(site, "repo", "policy", "vault", "--json", *arguments).stdout)
    return document["policies"]


def test_policies_are_printed_to_paste(make: Callable[..., Path], filled: str) -> None:
    site = make()
    assert set(policies(site)) == {"reader", "backup", "scrubber", "probe", "extend"}
    (reader,) = policies(site, "--for", "reader").values()
    assert json.loads(run(site, "repo", "policy", "vault", "--for", "reader").stdout) == reader
    assert f"arn:aws:s3:::{filled}/ehr/*" in json.dumps(reader)
    denied = [each for each in reader["Statement"] if each["Effect"] == "Deny"]
    assert {"s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"} <= set(denied[0]["Action"])
    assert run(site, "repo", "policy", "vault", "--for", "everybody").returncode == 2
    assert run(site, "repo", "policy", "shelf").returncode == 10
