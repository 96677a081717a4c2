"""A scrub with the key tells what points need and nobody ever saw: what was gone before the first scrub."""

from __future__ import annotations

import pytest

from drp.domain.worm.scrub import exit_status
from drp.service.worm.scrubbing import Wish
from tests.support.fixtures_scrub import RESTIC, Vault, codes
from tests.support.restic_tools import Restic, flip

KEYED = Wish()


def test_every_pack_that_was_gone_before_the_first_scrub_is_missed(scrubbed: Vault) -> None:
    scrubbed.give_key()
    for pack in scrubbed.files("data"):
        content = pack.read_bytes()
        pack.unlink()
        scrub = scrubbed.scrub(KEYED)
        assert exit_status(scrub.findings) == 1, pack
        assert "DRP-L042" in codes(scrub), pack
        assert set(codes(scrub)) <= {"DRP-L042", "DRP-L043"}, (
            pack
        )  # the latter where a tree is gone, so that needs are unknown
        assert f"data/{pack.parent.name}/{pack.name}" in scrub.missing
        pack.write_bytes(content)
        assert codes(scrubbed.scrub(KEYED)) == []


def test_without_the_key_nobody_can_tell_and_that_is_said(scrubbed: Vault) -> None:
    scrubbed.files("data")[0].unlink()
    scrub = scrubbed.scrub()
    assert codes(scrub) == []
    assert "it takes the key" in " ".join(scrub.not_judged)


@pytest.mark.parametrize("byte", [0, 40, -1])
def test_a_damaged_config_is_found_with_the_key(scrubbed: Vault, byte: int) -> None:
    scrubbed.give_key()
    config = scrubbed.place / "config"
    flip(config, byte % config.stat().st_size)
    scrub = scrubbed.scrub(KEYED)
    assert exit_status(scrub.findings) == 1
    assert "DRP-L048" in codes(scrub)


def test_an_index_that_was_gone_before_the_first_scrub_is_not_clean(scrubbed: Vault) -> None:
    scrubbed.give_key()
    for index in scrubbed.files("index"):
        content = index.read_bytes()
        index.unlink()
        assert exit_status(scrubbed.scrub(KEYED).findings) in {1, 3}
        index.write_bytes(content)


def test_retention_and_an_empty_repository_lack_nothing(scrubbed: Vault) -> None:
    scrubbed.give_key()
    restic = Restic(RESTIC, str(scrubbed.place))
    restic.run("forget", "--keep-last", "1", "--prune")
    assert codes(scrubbed.scrub(KEYED)) == []
