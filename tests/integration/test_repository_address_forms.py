"""Forms of addresses, from the site's file to a real service: what is accepted is read where it is written, by both.

drp's own client and restic read one place: a repository that lies exactly at the address is found by both, and nothing
is found where the address leads anywhere else.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from drp.config.site import check_site, load_site
from drp.errors import RepositoryError
from drp.repositories.kind import create
from tests.support.fixtures_repositories import keep_secret, resolve
from tests.support.restic_keys import cheapen
from tests.support.restic_tools import PASSWORD, Restic, executable
from tests.support.s3_server import S3Server
from tests.support.sites import write_site

pytestmark = pytest.mark.real
ACCEPTED = [
    ("http://127.0.0.1:{}", "{}", ""),
    ("HTTP://127.0.0.1:{}/", "{}-2026", "/site/ehr/"),
    ("http://localhost:{}", "{}.daily", "h\u00f4pital/a b"),
    ("http://127.0.0.1:{}", "{}", "a+b=c&d,e!(1)~x'y:@z*"),
]
"""Endpoint, bucket, prefix."""
BAD_PREFIXES = ["../x", "a//b", "a?b", "a#b", "a%20b", "a\\b", "./a", "a/.."]
BAD_BUCKETS = ["{}/c", "..", "", "{} ", "{}?x", "{}#x", "{}%2Fc", "{}\n"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository without a snapshot, to be put anywhere."""
    folder = tmp_path_factory.mktemp("forms") / "repository"
    Restic(executable("current"), str(folder)).run("init")
    cheapen(folder, PASSWORD)
    return folder


def site_of(folder: Path, server: S3Server, **location: str) -> Path:
    """Return a site whose one repository is at a location."""
    reader = server.identities["ro_lock"]
    folder.mkdir(exist_ok=True)
    for name, value in (("access", reader.access_key), ("secret", reader.secret_key), ("password", PASSWORD)):
        keep_secret(folder, name, value)
    lines = "".join(f"        {name}: {json.dumps(value)}\n" for name, value in location.items())
    text = f"""version: 1
repositories:
  vault:
    executable: {executable("current")}
    password: {{file: password.secret}}
    location:
      s3:
{lines}        access_key: {{file: access.secret}}
        secret_key: {{file: secret.secret}}
"""
    return write_site(folder, {"inventory/repositories.yml": text})


def put(repository: Path, server: S3Server, bucket: str, prefix: str) -> None:
    for path in (repository / "config", *(repository / "keys").iterdir()):
        key = "/".join(part for part in (prefix.strip("/"), str(path.relative_to(repository))) if part)
        server.client().put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


def found(site: Path, cache: Path) -> tuple[str, ...]:
    """Look as a drill does: drp's client at the place, then restic, which opens it with its key."""
    return create(load_site(site).repository("vault"), resolve=resolve, cache_directory=cache).preflight().remarks


@pytest.mark.parametrize(("endpoint", "bucket", "prefix"), ACCEPTED)
def test_what_is_accepted_is_where_both_read(
    s3_server: S3Server, repository: Path, tmp_path: Path, endpoint: str, bucket: str, prefix: str
) -> None:
    own = bucket.format(f"forms-{uuid.uuid4().hex[:10]}")
    s3_server.make_bucket(own)
    endpoint = endpoint.format(s3_server.ports["s3"])
    site = site_of(tmp_path / "site", s3_server, endpoint=endpoint, bucket=own, prefix=prefix)
    with pytest.raises(RepositoryError, match="is not there"):
        found(site, tmp_path / "cache")
    put(repository, s3_server, own, prefix)
    assert found(site, tmp_path / "cache") == ()


@pytest.mark.parametrize(
    ("field", "value"), [*(("prefix", value) for value in BAD_PREFIXES), *(("bucket", value) for value in BAD_BUCKETS)]
)
def test_what_two_clients_would_read_in_two_places_is_refused(
    s3_server: S3Server, tmp_path: Path, field: str, value: str
) -> None:
    said = {"endpoint": s3_server.endpoint, "bucket": "b", "prefix": "p"} | {field: value.format("b")}
    site = site_of(tmp_path / "site", s3_server, **said)
    (problem,) = [each for each in check_site(site) if each.file == "inventory/repositories.yml"]
    assert problem.where == f"repositories.vault.location.s3.{field}"
    assert problem.position.line == {"bucket": 9, "prefix": 10}[field]
