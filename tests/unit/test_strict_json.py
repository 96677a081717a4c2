"""What two readers could read apart is malformed, and no text takes more time or memory than its length."""

from __future__ import annotations

import json
import time

import pytest

from drp.domain.answer import read_answer
from drp.domain.strict_json import Limits, Malformed, bounded, parse, parse_object

MALFORMED = {
    "empty": b"", "words": b"b0: &b0 [lol]", "two": b"{} {}", "half": b'{"a":', "single quotes": b"{'a': 1}",
    "comment": b"{} # c", "trailing comma": b"[1,]", "NaN": b"[NaN]", "Infinity": b"[-Infinity]", "1e999": b"[1e999]",
    "a name twice": b'{"a":1,"a":2}', "inside too": b'[{"a":{"b":1,"b":1}}]', "half a pair": b'"\\ud800"',
    "half a name": b'{"\\udfff":1}', "no UTF-8": b'"\xff"', "UTF-16": '{"a":1}'.encode("utf-16"),
    "a mark": b"\xef\xbb\xbf{}", "control": b'"\x1b"', "large": b"9007199254740993", "digits": b"9" * 5000,
    "long fraction": b"0." + b"1" * 5000, "deep list": b"[" * 100_000 + b"]" * 100_000, "open": b"[" * 100_000,
    "deep object": b'{"a":' * 40 + b"1" + b"}" * 40, "size": b'"' + b"x" * (256 << 10) + b'"', "nul": b"\0",
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_readers_differ_about_is_malformed(name: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse(MALFORMED[name])
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        '{"a":[1,-2.5e3,true,null,"\\u00e9\\ud83d\\ude00 [{"]}', "[]", " 7 ", '"\\\\"', '{"":0}', "9007199254740992", "[" * 32 + "]" * 32,
        '"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["',
    ],
)  # fmt: skip
def test_everything_else_is_read_as_by_any_reader(text: str) -> None:
    assert parse(text) == json.loads(text) == parse(text.encode())


def test_an_object_is_asked_for_as_one() -> None:
    for text in ("[]", "1", '"{}"', "null"):
        with pytest.raises(Malformed, match="no object"):
            parse_object(text)


def test_limits_are_for_who_needs_them() -> None:
    assert parse("9" * 300, Limits(largest=0)) == int("9" * 300)
    assert parse('"\\udcff"', Limits(half_pairs=True)) == "\udcff"


@pytest.mark.parametrize(
    "text", ['"' + '\\"' * 500_000, '["' * 400_000, "[" * 1_000_000], ids=["escapes", "strings", "lists"]
)
def test_an_endless_string_takes_linear_time(text: str) -> None:
    """Each would take hours if it were looked at from every quotation mark anew."""
    limits, started = Limits(size=4 << 20), time.process_time()
    with pytest.raises(Malformed):
        parse(text, limits)
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    "value",
    [float("nan"), 1 << 60, "\ud800", {1: 2}, object(), b"bytes", ["x" * (300 << 10)]],
    ids=lambda value: type(value).__name__,
)
def test_data_of_other_readers_are_held_to_the_same(value: object) -> None:
    bounded([{"a": [1, 2.5, None, True, "é"]}])
    with pytest.raises(Malformed):
        bounded({"given": value})


def test_data_of_other_readers_have_an_end() -> None:
    nested: list[object] = []
    for _ in range(10_000):
        nested = [nested]
    with pytest.raises(Malformed, match="levels"):
        bounded(nested)
    shared: list[object] = ["lol"] * 30  # what a YAML bomb unfolds to
    for _ in range(20):
        shared = [shared] * 30
    with pytest.raises(Malformed, match="values"):
        bounded(shared)


DECLARED = {
    "changed": "bool", "pid": "int", "name?": "text", "names?": ["text"], "at?": ["text", "int"],
    "files?": {"*": "raw"}, "http?": {"url": "raw", "status?": ["int"]}, "notices?": "notices",
}  # fmt: skip


def answer(**said: object) -> bytes:
    return json.dumps({"changed": True, "pid": 7, **said}).encode()


NOTICE = {"kind": "unused", "subject": "wal/9", "observed": "encrypted"}


@pytest.mark.parametrize(
    "said",
    [
        answer(evil=1), answer(changed=1), answer(pid=-1), answer(pid=True), answer(pid=1.0), answer(name=None),
        answer(name="x" * 4097), answer(names="x"), answer(names=[["x"]]), answer(at=["log", 1, 2]), answer(at=[1, "log"]),
        answer(files={"/x": 1}), answer(files=[]), answer(http={"status": []}), answer(http={"url": "x", "evil": 1}),
        answer(notices=[{**NOTICE, "z": 1}]), answer(notices=[{"kind": "unused"}]), answer(notices={}), answer(names=["x"] * 10_001),
        b"", b'{"changed": true}', b"[]", b"changed: true", answer() + b"\n" + answer(pid=8), answer() + b'\n{"evil": "x"}',
        answer() + b"\nb0: &b0 [lol]", b'{"changed":true,"pid":7,"pid":8}',
    ],
    ids=lambda said: said[:60],
)  # fmt: skip
def test_an_answer_is_what_was_declared_or_malformed(said: bytes) -> None:
    with pytest.raises(Malformed):
        read_answer(said, DECLARED)


def test_lines_of_one_answer_are_joined() -> None:
    lines = answer(notices=[NOTICE]) + b"\n" + json.dumps({"notices": [NOTICE], "pid": 7}).encode() + b"\n"
    assert read_answer(lines, DECLARED) == {"changed": True, "pid": 7, "notices": [NOTICE, NOTICE]}


def test_what_is_shown_is_printable_and_what_is_handed_on_is_as_it_was() -> None:
    read = read_answer(answer(name="\x1b[31m\u202e{{ 1 }}", files={"/run/x": "a\n\tb"}, at=["log", 4]), DECLARED)
    assert read["name"] == "\\x1b[31m\\u202e{{ 1 }}"
    assert read["files"] == {"/run/x": "a\n\tb"}
    assert read["at"] == ["log", 4]


def test_of_a_program_that_failed_what_it_said_is_kept() -> None:
    assert read_answer(json.dumps({"notices": [NOTICE]}).encode(), DECLARED, whole=False) == {"notices": [NOTICE]}
    with pytest.raises(Malformed):
        read_answer(b'{"evil": 1}', DECLARED, whole=False)
