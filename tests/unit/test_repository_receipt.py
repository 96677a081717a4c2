"""How the end of a restore is judged, on words that both restic versions really print."""

from __future__ import annotations

import json

import pytest

from drp.domain.restore import RestoreOutcome, RestoreReceipt
from drp.errors import AccessDenied, DrpError, MediaNeeded, RepositoryError, StorageFull, Unreachable
from drp.repositories.restic.features import Features, features_of
from drp.repositories.restic.receipt import judge

OLD = features_of("restic 0.14.0 compiled with go1.19.8 on linux/amd64")
NEW = features_of("restic 0.18.0 compiled with go1.24.4 on linux/amd64")


def item(path: str, message: str, features: Features = NEW) -> str:
    if not features.errors_json:
        return f"ignoring error for {path}: {message}"
    return json.dumps({"message_type": "error", "error": {"message": message}, "during": "restore", "item": path})


def final(message: str, features: Features = NEW, code: int = 1) -> str:
    if not features.exit_json:
        return f"Fatal: {message}"
    return json.dumps({"message_type": "exit_error", "code": code, "message": f"Fatal: {message}"})


def judged(
    *lines: str, code: int = 1, features: Features = NEW, gone: DrpError | None = None, **summary: object
) -> RestoreReceipt:
    def still_there() -> None:
        if gone is not None:
            raise gone

    errors = tuple(line for line in lines if "ignoring" in line or '"message_type": "error"' in line)
    outcome = RestoreOutcome(exit_code=code, summary=summary, errors=errors, tail=lines)
    return judge(outcome, repository="main", features=features, still_there=still_there)


@pytest.mark.parametrize("features", [OLD, NEW])
def test_damage_is_named_once_for_each_item(features: Features) -> None:
    receipt = judged(
        item("/srv/a", "ciphertext verification failed", features),
        item("/srv/a", "UtimesNano: no such file or directory", features),
        item("/srv/b", "StreamPack: ReadFull: unexpected EOF", features),
        final("There were 3 errors", features),
        features=features,
    )
    assert receipt.unrestored == (
        "/srv/a: ciphertext verification failed",
        "/srv/b: StreamPack: ReadFull: unexpected EOF",
    )


@pytest.mark.parametrize("features", [OLD, NEW])
@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("write /data/files/srv/a: no space left on device", StorageFull),
        ('Get "https://s3/x": dial tcp 10.0.0.1:443: connect: connection refused', Unreachable),
        ("Access Denied.", AccessDenied),
    ],
)
def test_space_and_access_are_no_damage(features: Features, message: str, error: type[DrpError]) -> None:
    with pytest.raises(error):
        judged(item("/srv/a", message, features), final("There were 1 errors", features), features=features)


@pytest.mark.parametrize("message", ["no space left on device", "Access Denied.", "connection refused"])
def test_broken_bytes_are_damage_whatever_else_went_wrong(message: str) -> None:
    receipt = judged(item("/a", message), item("/b", "decrypting blob failed: ciphertext verification failed"))
    assert any("/b" in name for name in receipt.unrestored)


@pytest.mark.parametrize("name", ["no space left on device", "wrong password or no key found", "connection refused"])
def test_a_file_name_cannot_turn_damage_into_something_else(name: str) -> None:
    hostile = item(f"/srv/{name}", "decrypting blob failed: ciphertext verification failed", OLD)
    assert judged(hostile, final("There were 1 errors", OLD), features=OLD).unrestored
    assert judged(item(f"/srv/{name}", "StreamPack: unexpected EOF")).unrestored
    with_lines = item(f"/srv/x\nFatal: {name}", "ciphertext verification failed", OLD).split("\n")
    assert judged(*with_lines, features=OLD).unrestored


@pytest.mark.parametrize(("code", "error"), [(12, AccessDenied), (10, RepositoryError), (11, RepositoryError)])
def test_a_code_decides_where_the_version_has_it(code: int, error: type[DrpError]) -> None:
    with pytest.raises(error):
        judged(final("something new", code=code), code=code)
    assert judged(final("something new", OLD), code=code, features=OLD).unrestored


def test_a_text_about_the_password_without_its_code_is_not_believed() -> None:
    assert judged(final("wrong password or no key found"), code=1).unrestored
    with pytest.raises(AccessDenied):
        judged(final("wrong password or no key found", OLD), code=1, features=OLD)


@pytest.mark.parametrize("code", [-9, -15, 130, 137, 143])
def test_a_restore_that_was_killed_is_not_judged(code: int) -> None:
    with pytest.raises(RepositoryError, match="cut short"):
        judged(code=code)


@pytest.mark.parametrize("code", [-1, 1, 3, 99])
def test_silence_is_never_complete(code: int) -> None:
    assert judged(code=code).unrestored


def test_what_is_unclear_is_damage_only_while_the_repository_is_there() -> None:
    lines = (item("/a", "StreamPack: unexpected EOF"), final("There were 1 errors"))
    assert judged(*lines).unrestored
    with pytest.raises(MediaNeeded):
        judged(*lines, gone=MediaNeeded("gone", label="x"))
    broken = (item("/a", "ciphertext verification failed"), final("There were 1 errors"))
    assert judged(*broken, gone=MediaNeeded("gone", label="x")).unrestored


def test_errors_of_an_end_that_claims_to_be_good_are_named() -> None:
    assert judged(item("/a", "something"), code=0).unrestored == ("/a: something",)


def test_owner_errors_alone_are_no_damage_and_unseen_errors_are() -> None:
    owner = item("/a", "lchown /data/files/a: invalid argument")
    assert judged(owner, final("There were 1 errors"), files_restored=1).unrestored == ()
    assert judged(owner, final("There were 3 errors")).unrestored == ("2 further errors that were not kept",)
    assert judged(owner, final("There were 3 errors"), cannot_be_made=2).unrestored == ()
    assert judged(owner, final("There were 4 errors"), cannot_be_made=2).unrestored
    assert judged(item("/a", "lchown /data/files/a: no such file or directory")).unrestored
    assert judged(owner).unrestored  # ended badly, and did not say how many errors there were


def test_errors_that_were_taken_out_of_their_json_mean_the_same() -> None:
    def plain(*errors: str) -> RestoreReceipt:
        outcome = RestoreOutcome(exit_code=1, errors=errors, tail=errors[-1:])
        return judge(outcome, repository="main", features=NEW, still_there=lambda: None)

    owner = "/srv/a: lchown /data/files/srv/a: invalid argument"
    assert plain(owner, "Fatal: There were 1 errors").unrestored == ()
    assert plain(owner, "Fatal: There were 2 errors").unrestored
    broken = plain(owner, "/srv/b: ciphertext verification failed", "Fatal: There were 2 errors")
    assert broken.unrestored == ("/srv/b: ciphertext verification failed",)
    assert plain("/srv/x: lchown y: invalid argument: ciphertext verification failed").unrestored


def test_a_retry_that_helped_is_no_damage() -> None:
    retry = "Load(<data/12>, 0, 0) returned error, retrying after 500ms: unexpected EOF"
    outcome = RestoreOutcome(exit_code=0, errors=(retry,), tail=(retry,))
    assert judge(outcome, repository="main", features=NEW, still_there=lambda: None).unrestored == ()


def test_numbers_that_make_no_sense_count_as_nothing() -> None:
    receipt = judged(code=0, bytes_restored="many", files_restored=-4)
    assert (receipt.bytes_restored, receipt.files_restored) == (0, 0)


def test_very_many_names_are_counted() -> None:
    receipt = judged(*(item(f"/{number}", "ciphertext verification failed") for number in range(500)))
    assert len(receipt.unrestored) == 201
    assert receipt.unrestored[-1] == "and 300 more"
