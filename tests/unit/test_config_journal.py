"""Where the journal is kept, and who vouches for its server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drp.config.site import load_site
from drp.domain.restore import SecretReference
from drp.domain.tls import Tls
from drp.errors import ConfigError


def a_site_with_journal(tmp_path: Path, said: str) -> Path:
    site = tmp_path / "site"
    site.mkdir(parents=True)
    (site / "drp.yml").write_text(f"version: 1\nname: ward\njournal:\n{said}")
    return site


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("  url: postgresql+pg8000://drp@db/drp?sslmode=disable\n", "drp.yml:4:8: journal.url: `sslmode` is not for a url to say"),
        ("  url: postgresql+pg8000://drp@db/drp?SSLROOTCERT=/x\n", "`SSLROOTCERT` is not for a url to say"),
        ("  url: postgresql+pg8000://drp@db/drp?host=other\n", "`host` is nothing that a url here may say"),
        ("  url: postgresql+pg8000://drp@db/drp?ssl_context=x\n", "`ssl_context` is not for a url to say"),
        ("  url: postgresql+pg8000://drp@db/drp?unix_sock=run/s\n", "must be the whole path"),
        ("  url: postgresql+pg8000://drp@db/drp\n  tls: {certificate: a.pem}\n", "belong together"),
        ("  url: postgresql+pg8000://drp@db/drp\n  tls: {ca: a.pem, verify: false}\n", "journal.tls.verify: unknown key"),
        ("  url: postgresql+pg8000://drp@db/drp\n  tls: {certificate: a.pem, key: a.key}\n", "a secret never stands in a file"),
    ],
)  # fmt: skip
def test_nothing_weakens_the_connection_to_a_journal(tmp_path: Path, said: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        load_site(a_site_with_journal(tmp_path, said))


def test_who_vouches_for_a_journals_server(tmp_path: Path) -> None:
    said = "  url: postgresql+pg8000://drp@db/drp\n  tls: {ca: ca.pem, certificate: me.pem, key: {file: me.key}}\n"
    directory = a_site_with_journal(tmp_path, said)
    key = SecretReference(kind="file", value=(str(directory / "me.key"),))
    assert load_site(directory).journal_tls == Tls(ca=directory / "ca.pem", certificate=directory / "me.pem", key=key)
    plain = a_site_with_journal(tmp_path / "other", "  url: postgresql+pg8000://drp@localhost/drp?unix_sock=/run/s\n")
    assert load_site(plain).journal_tls is None


@pytest.mark.parametrize(
    ("url", "endpoints"),
    [
        ("postgresql+pg8000://drp@db.chu.example/drp", (("db.chu.example", 5432),)),
        ("postgresql+pg8000://drp@[fd00::7]:5433/drp", (("fd00::7", 5433),)),
        ("postgresql+pg8000://drp@localhost:5433/drp", (("localhost", 5433),)),
        ("postgresql+pg8000://drp@localhost/drp?unix_sock=/run/postgresql/.s.PGSQL.5432", ()),
    ],
)
def test_the_journals_server_is_what_a_drill_may_reach(
    tmp_path: Path, url: str, endpoints: tuple[tuple[str, int], ...]
) -> None:
    assert load_site(a_site_with_journal(tmp_path, f"  url: {url}\n")).endpoints() == endpoints
