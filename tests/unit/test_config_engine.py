"""Where orders are kept, and which drills are held at which place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drp.config.site import load_site
from drp.domain.restore import SecretReference
from drp.errors import ConfigError
from drp.tls import Tls


def a_site(folder: Path, said: str) -> Path:
    site = folder / "site"
    (site / "inventory" / "drills").mkdir(parents=True)
    (site / "inventory" / "applications").mkdir()
    (site / "drp.yml").write_text(f"version: 1\nname: ward\n{said}")
    for name in ("ehr", "lis"):
        (site / f"inventory/applications/{name}.yml").write_text(f"name: {name}\ntitle: {name}\ntier: 1\n")
    return site


def test_orders_are_in_the_state_directory_unless_a_server_is_named(tmp_path: Path) -> None:
    site = load_site(a_site(tmp_path, "state: kept\n"))
    assert site.engine == site.directory / "kept/orders.db"
    assert (site.engine_password, site.engine_tls, dict(site.places)) == (None, None, {})


def test_a_server_of_orders_is_said_as_the_journals(tmp_path: Path) -> None:
    said = "engine:\n  url: postgresql+pg8000://drp@db/orders\n  password: {file: pw}\n  tls: {ca: ca.pem}\n"
    site = load_site(a_site(tmp_path, said))
    assert site.engine == "postgresql+pg8000://drp@db/orders"
    assert site.engine_password == SecretReference(kind="file", value=(str(site.directory / "pw"),))
    assert site.engine_tls == Tls(ca=site.directory / "ca.pem")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("engine: {url: 'postgresql+pg8000://drp@db/x?sslmode=disable'}\n", "drp.yml:3:15: engine.url: `sslmode` is not for a url"),
        ("engine: {url: 'postgresql+pg8000://drp:secret@db/x'}\n", "engine.url: holds a password"),
        ("places:\n  north:\n    drills: [nothing]\n", "drp.yml:5:14: places.north.drills[0]: there is no drill `nothing`"),
        ("places:\n  north: {applications: [ehr]}\n  south: {applications: [lis, ehr]}\n", "`ehr` is held at `north` already"),
        ("places:\n  north: {applications: [her]}\n", "there is no application `her`; did you mean `ehr`?"),
        ("places:\n  North: {applications: [ehr]}\n", "North"),
    ],
)  # fmt: skip
def test_what_leads_nowhere_or_twice_is_refused_with_its_place(tmp_path: Path, said: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        load_site(a_site(tmp_path, said))


def test_where_a_plan_is_held_and_applications_without_one(tmp_path: Path) -> None:
    site = load_site(a_site(tmp_path, "places:\n  north: {applications: [ehr]}\n  south: {applications: [lis]}\n"))
    assert (site.place_of("", "ehr"), site.place_of("", "lis"), site.place_of("quarterly", "ehr")) == (
        "north",
        "south",
        "",
    )
