"""Heartbeats in a real Orthanc: on a declared study, without a change of it; read back by the verifier as a canary."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp import canaries
from drp.canaries import Heartbeat, Written
from drp.config.canaries import OrthancCanary
from drp.domain.check import CheckResult, Expectation
from drp.domain.restore import SecretReference
from drp.errors import AccessDenied, NotFound, Unreachable
from drp_verifiers.orthanc import OrthancOptions, OrthancVerifier
from tests.hospital.dicom import Image, instance
from tests.hospital.orthanc import Orthanc
from tests.hospital.processes import Namespace
from tests.hospital.target import NamespaceTarget

pytestmark = [pytest.mark.real, pytest.mark.slow]
AT = datetime(2026, 11, 20, 7, 55, tzinfo=UTC)
STUDY = "2.25.77001"


@pytest.fixture(scope="module")
def pacs(hospital_folder: Path) -> Iterator[Orthanc]:
    """A PACS whose one study is a phantom's."""
    namespace = Namespace()
    namespace.create()
    made = Orthanc(hospital_folder / "canary-pacs", "127.0.0.1", namespace)
    try:
        made.create()
        made.start()
        phantom = Image("PHANTOM", "PHANTOM^DRP", "DRP0", STUDY, "2.25.77002", 1, AT - timedelta(days=9))
        made.client().upload(instance(phantom))
        yield made
    finally:
        made.kill()
        namespace.destroy()
        shutil.rmtree(made.root, ignore_errors=True)


def settings(pacs: Orthanc) -> OrthancCanary:
    return OrthancCanary(
        url=f"http://127.0.0.1:{pacs.http_port}",
        user="drill",
        password=SecretReference(kind="credential", value=("pacs",)),
        ca_file=None,
        study=STUDY,
        metadata=1024,
        timeout_seconds=10,
    )


def write(pacs: Orthanc, at: datetime = AT, password: str = "", **changes: object) -> Written:
    chosen = replace(settings(pacs), **changes)  # type: ignore[arg-type]
    with pacs.namespace.entered():
        return canaries.write(chosen, Heartbeat(at=at, nonce="0" * 16), lambda _: password or pacs.client().password)


def verify(pacs: Orthanc, **options: object) -> dict[str, CheckResult]:
    chosen = OrthancOptions(port=pacs.http_port, configuration=str(pacs.configuration), dicomweb="", **options)  # type: ignore[arg-type]
    noon = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    expectation = Expectation(disaster_at=noon, consistent_at=noon, declared_at=noon, timeout_seconds=60)
    results = OrthancVerifier().verify(NamespaceTarget(pacs.namespace), chosen, expectation)
    return {result.check: result for result in results}


def test_a_heartbeat_leaves_the_study_as_it_is_and_is_a_canary(pacs: Orthanc) -> None:
    client = pacs.client()
    (identifier,) = client.json("/studies")
    before = client.json(f"/studies/{identifier}")
    for number in range(3):
        written = write(pacs, AT + timedelta(minutes=number))
    assert written.place.endswith(f"study {STUDY} metadata 1024")
    after = client.json(f"/studies/{identifier}")
    assert after["LastUpdate"] == before["LastUpdate"]
    assert client.json("/statistics")["CountInstances"] == 1

    results = verify(pacs, canary_study=STUDY)
    watermark = results["canary"].watermark
    assert watermark is not None
    assert (watermark.at, watermark.canary) == (AT + timedelta(minutes=2), True)
    assert "canary" not in verify(pacs)
    assert verify(pacs, canary_study=STUDY, within_seconds=60.0)["canary"].outcome == "failed"
    assert verify(pacs, canary_study=STUDY, canary_metadata=1025)["canary"].outcome == "failed"
    assert verify(pacs, canary_study="2.25.1")["canary"].outcome == "failed"

    write(pacs, AT + timedelta(days=1))
    assert verify(pacs, canary_study=STUDY)["canary"].outcome == "undetermined"


def test_what_orthanc_refuses_says_why(pacs: Orthanc) -> None:
    with pytest.raises(AccessDenied) as refused:
        write(pacs, password="wrong")
    assert refused.value.exit_status == 12
    with pytest.raises(NotFound, match="no study"):
        write(pacs, study="2.25.5")
    with pytest.raises(Unreachable) as silent:
        write(pacs, url="http://127.0.0.1:9")
    assert silent.value.exit_status == 13
    with pytest.raises(Unreachable):
        write(pacs, url=f"https://127.0.0.1:{pacs.http_port}")
