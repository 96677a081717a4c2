"""Where orders are kept, and which drills are held at which place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drp.config.site import load_site
from drp.domain.restore import SecretReference
from drp.domain.tls import Tls
from drp.errors import ConfigError


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
    assert (site.engine_password, site.engine_tls, site.places) == (None, None, ())


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
    ],
)  # fmt: skip
def test_what_leads_nowhere_or_twice_is_refused_with_its_place(tmp_path: Path, said: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        load_site(a_site(tmp_path, said))


POLICY = "  - {application: ehr, cron: '0 2 * * 6', max_age: 30d, place: %s}\n"


def test_a_place_that_the_schedule_names_is_one_of_the_sites(tmp_path: Path) -> None:
    directory = a_site(tmp_path, "places: [north, south]\n")
    (directory / "inventory/schedule.yml").write_text("version: 1\npreset: none\npolicies:\n" + POLICY % "north")
    site = load_site(directory)
    assert site.places == ("north", "south")
    assert [policy.place for policy in site.schedule.policies.values()] == ["north"]


@pytest.mark.parametrize(
    ("places", "schedule", "problem"),
    [
        ("[north]", "policies:\n" + POLICY % "norht", "policies[0].place: there is no place `norht`; did you mean `north`?"),
        ("[north]", "defaults: {place: south}\n", "defaults.place: there is no place `south`"),
        ("[]", "tiers:\n  1: {full: {place: south}}\n", "drp.yml names none: add it to `places`"),
    ],
)  # fmt: skip
def test_a_place_that_the_site_does_not_name_is_refused(
    tmp_path: Path, places: str, schedule: str, problem: str
) -> None:
    directory = a_site(tmp_path, f"places: {places}\n")
    (directory / "inventory/schedule.yml").write_text("version: 1\n" + schedule)
    with pytest.raises(ConfigError, match=re.escape(problem)):
        load_site(directory)
