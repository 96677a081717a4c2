"""How programs that restore speak: each line is understood by its kind's dialect alone, and none of it is believed."""

from __future__ import annotations

import json

import pytest

from drp.errors import PluginError
from drp.repositories.dialects import Said, dialect

ITEM = {"message_type": "error", "error": {"message": "ciphertext verification failed"}, "item": "/srv/a"}
OWNER = {"message_type": "error", "error": {"message": "lchown /data/files/a: operation not permitted"}, "item": "/a"}
END = {"message_type": "exit_error", "code": 1, "message": "Fatal: There were 3 errors"}
LOST = {"message_type": "error", "item": "/a", "message": "Input/output error", "reason": "unreadable"}


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("restic-json", {"message_type": "status", "bytes_restored": 5, "x": 1}, Said(kind="status", fields={"done_bytes": 5})),
        ("restic-json", {"message_type": "verbose_status"}, Said(kind="status")),
        ("restic-json", ITEM, Said(kind="error", words="/srv/a: ciphertext verification failed")),
        ("restic-json", {"message_type": "error", "odd": 1}, Said(kind="error", words="error without a message")),
        ("restic-json", END, Said(kind="end", words="There were 3 errors", announced=3)),
        ("restic-json", "repository abc opened", Said(kind="noise")),
        ("restic-text", "ignoring error for /a: wrong hash", Said(kind="text", words="/a: wrong hash")),
        ("restic-text", "Fatal: no snapshot found", Said(kind="text", words="no snapshot found")),
        ("restic-text", "\tmain.go:3", Said(kind="noise")),
        ("restic-text", ITEM, Said(kind="text", words=ITEM["item"])),
        ("copies", {"message_type": "status", "done_bytes": 5, "x": 1}, Said(kind="status", fields={"done_bytes": 5})),
        ("copies", LOST, Said(kind="error", words="/a: Input/output error")),
        ("copies", {**LOST, "cannot_be_made": True}, Said(kind="error", words="/a: Input/output error", harmless=True)),
        ("copies", {"message_type": "end", "message": "m", "errors": True}, Said(kind="end", words="m")),
        ("copies", '{"message_type": "error", "message_type": "status"}', Said(kind="text", words="…")),
        ("none", "Fatal: anything", Said(kind="text", words="Fatal: anything")),
        ("none", ITEM, Said(kind="text", words="…")),
    ],
)  # fmt: skip
def test_a_line_is_what_its_dialect_says(name: str, line: str | dict[str, object], said: Said) -> None:
    heard = dialect(name).read(line if isinstance(line, str) else json.dumps(line))
    if said.words == "…":
        assert heard.kind == said.kind
    elif name == "restic-text" and line is ITEM:
        assert heard.words.startswith("/srv/a")
    else:
        assert heard == said


def test_what_no_sandbox_can_make_is_harmless() -> None:
    assert dialect("restic-json").read(json.dumps(OWNER)).harmless
    assert not dialect("none").read(json.dumps(OWNER)).harmless


def test_a_dialect_that_is_not_there_is_refused() -> None:
    with pytest.raises(PluginError, match="did you mean restic-json"):
        dialect("restic-jsn")
