"""The page about WORM, on a real server with Object Lock."""

from __future__ import annotations

import pytest

from tests.support.docs import PAGES, absent, follow
from tests.support.s3_server import S3Server
from tests.support.scratch import scratch

pytestmark = [pytest.mark.real, pytest.mark.slow]

KEYS = {"reader": "ro_lock", "writer": "writer", "prober": "prober", "extender": "extender"}
"""What the page calls them → identities of the server."""


def test_the_page_works_as_it_stands_on_a_server_that_runs():
    (page,) = [each for each in PAGES if each.name == "worm.md"]
    with scratch("drp-test-page") as folder, S3Server(folder / "s3") as server:
        for bucket in ("backups", "backups-scratch"):
            server.make_bucket(bucket)
        environment = {"ENDPOINT": server.endpoint}
        for name, identity in KEYS.items():
            who = server.identities[identity]
            environment |= {f"{name}_access": who.access_key, f"{name}_secret": who.secret_key}
        place = folder / "reader"
        place.mkdir()
        told = follow(page, place, environment)
    said = " ".join("\n".join(each.said for each in told).split())
    assert "is from" in said
    assert "its lock held against all that drp tried" in said, "the report tells what was probed before the drill"
    assert "it was attacked, and is read as of" in said
    assert "PASSED" in said
    for each in told:
        assert absent(each) is None, f"{page.name}, block of line {each.block.line}:\n{each.said}"
