"""A repository's address is judged once, and used as it was judged: nobody reads it in another way later."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.config.schema_repositories import s3_endpoint
from drp.config.site import check_site, load_site
from drp.domain.repository import S3Location, bucket_name, key_prefix
from drp.domain.service_address import is_loopback
from drp.repositories.restic.settings import tool_url
from tests.support.sites import write_site

S3 = """version: 1
repositories:
  vault:
    location:
      s3:
        endpoint: {endpoint}
        bucket: {bucket}
        prefix: {prefix}
        access_key: {{file: a}}
        secret_key: {{file: b}}
    password: {{file: c}}
  shelf: {{location: {{medium: {{mount: /m, label: A}}}}, password: {{credential: shelf}}}}
"""


@pytest.mark.parametrize(
    ("said", "url", "host", "port"),
    [
        ("https://s3.example.org", "https://s3.example.org", "s3.example.org", 443),
        ("https://s3.example.org/", "https://s3.example.org", "s3.example.org", 443),
        ("https://S3.Example.org:9000", "https://s3.example.org:9000", "s3.example.org", 9000),
        ("HTTPS://s3.example.org:443", "https://s3.example.org", "s3.example.org", 443),
        ("https://minio_1.internal", "https://minio_1.internal", "minio_1.internal", 443),
        ("https://xn--hpital-xxa.example", "https://xn--hpital-xxa.example", "xn--hpital-xxa.example", 443),
        ("https://10.1.2.3:9000", "https://10.1.2.3:9000", "10.1.2.3", 9000),
        ("https://[2001:db8::1]:9000", "https://[2001:db8::1]:9000", "2001:db8::1", 9000),
        ("http://127.0.0.1:8333", "http://127.0.0.1:8333", "127.0.0.1", 8333),
        ("http://[::1]:8333", "http://[::1]:8333", "::1", 8333),
        ("http://localhost", "http://localhost", "localhost", 80),
    ],
)
def test_an_endpoint_is_what_everybody_takes_it_for(said: str, url: str, host: str, port: int) -> None:
    address = s3_endpoint(said)
    assert (address.url, address.host, address.port) == (url, host, port)
    assert s3_endpoint(address.url) == address


BAD_ENDPOINTS = [
    "s3.example.org", "ftp://s3.example.org", "https://", "https:///b", "https://s3.example.org/bucket",
    "https://s3.example#x", "https://s3.example?x", "https://s3.example;x", "https://s3.example/#", "https://s3.example\\@evil",
    "https://key:secret@s3.example.org", "https://secret@s3.example.org", "https://s3.example.org:", "https://s3.example.org:port",
    "https://s3.example.org:0", "https://s3.example.org:70000", "https://s3.example.org.", "https://.example.org",
    "https://s3..example.org", "https://-s3.example.org", "https://s3.exa mple.org", "https://s3.exa%6dple.org",
    "https://1.2.3", "https://0x7f.1", "https://1.2.3.4.5", "https://[fe80::1%25eth0]", "https://[::1", "https://h\u00f4pital.example",
    "https://s3.example.org\n", "https://s3.exa\tmple.org", "http://s3.example.org", "http://10.0.0.1", "http://127.0.0.1.example.org",
    "http://localhost.example.org", "https://" + "a" * 64 + ".example", "https://" + "a." * 130 + "example",
]  # fmt: skip


@pytest.mark.parametrize("said", BAD_ENDPOINTS)
def test_an_endpoint_that_can_be_read_in_two_ways_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        s3_endpoint(said)
    assert "secret@" not in str(caught.value)


@pytest.mark.parametrize("said", ["b", "backups", "Backups.2026_a-b", "a" * 255])
def test_bucket_names_stay_as_they_are(said: str) -> None:
    assert bucket_name(said) == said


@pytest.mark.parametrize(
    "said",
    ["", "b/c", "/b", "b/", ".", "..", "a..b", "-b", "b ", "b\n", "b?x", "b#x", "b%2Fc", "h\u00f4pital", "a" * 256],
)
def test_what_would_be_another_bucket_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="bucket"):
        bucket_name(said)


@pytest.mark.parametrize(
    ("said", "prefix"),
    [("", ""), ("/", ""), ("site/ehr/", "site/ehr"), ("/a b", "a b"), ("h\u00f4pital/\u00e9", "h\u00f4pital/\u00e9")],
)
def test_prefixes_have_no_slashes_at_their_ends(said: str, prefix: str) -> None:
    assert key_prefix(said) == prefix


@pytest.mark.parametrize("said", ["a//b", "../x", "a/../b", "a/./b", "a?b", "a#b", "a%20b", "a\\b", "a\nb", "a\u202eb"])
def test_what_tools_take_in_different_ways_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="tools take"):
        key_prefix(said)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", '"https://s3.example#x"'),
        ("endpoint", '"https://s3.example:0"'),
        ("bucket", "b/c"),
        ("prefix", "../x"),
    ],
)
def test_the_configuration_says_it_with_its_line(tmp_path: Path, field: str, value: str) -> None:
    said = {"endpoint": "https://s3.example", "bucket": "b", "prefix": "p"} | {field: value}
    site = write_site(tmp_path, {"inventory/repositories.yml": S3.format(**said)})
    problems = [problem for problem in check_site(site) if problem.file == "inventory/repositories.yml"]
    assert [problem.where for problem in problems] == [f"repositories.vault.location.s3.{field}"]
    assert problems[0].position.line == {"endpoint": 6, "bucket": 7, "prefix": 8}[field]


def test_what_was_judged_is_what_is_used(tmp_path: Path) -> None:
    said = S3.format(endpoint="https://s3.example:9000/", bucket="b", prefix="/p/q/")
    location = load_site(write_site(tmp_path, {"inventory/repositories.yml": said})).repository("vault").location
    assert isinstance(location, S3Location)
    assert tool_url(location) == "s3:https://s3.example:9000/b/p/q"
    assert location.key("keys/") == "p/q/keys/"


def test_loopback_is_decided_once() -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1"))
    assert not any(is_loopback(host) for host in ("10.0.0.1", "localhost.example", "127.0.0.1.example", "::2", ""))
