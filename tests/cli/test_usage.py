"""Wrong command lines: one error that says what is wrong, where its help is, and exit status 2; never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def drp(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "drp", *arguments], cwd="/", env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message", "help_of"),
    [
        (("frob",), "there is no command 'frob'", "drp"),
        (("drll",), "there is no command 'drll'; did you mean drill?", "drp"),
        (
            ("run",),
            "there is no command 'run'; did you mean `drp drill run`, `drp schedule run`, `drp worker run`, `drp notify run`, runbook?",
            "drp",
        ),
        (("drill", "rnu"), "there is no command 'rnu'; did you mean run?", "drp drill"),
        (
            ("verifier", "facts", "postgre"),
            "there is no command 'postgre'; did you mean postgres?",
            "drp verifier facts",
        ),
        (("drill", "run", "one", "two"), "unexpected argument: two", "drp drill run"),
        (("drill", "run", "--nope"), "no such option: --nope", "drp drill run"),
        (("drill", "run", "--rep", "x"), "no such option: --rep; did you mean --repo, --help, --app?", "drp drill run"),
        (("drill", "run", "--keep-for"), "option --keep-for needs a value", "drp"),
        (("drill", "run", "--json=3"), "option --json takes no value", "drp"),
        (("drill", "run", "--sample", "many"), "invalid value for --sample: it is a whole number", "drp drill run"),
        (
            ("manifest", "create", "/", "--nice", "99"),
            "invalid value for --nice: it is a number from 0 to 19",
            "drp manifest create",
        ),
        (
            ("manifest", "create", "/", "--algorithm", "md5"),
            "invalid value for --algorithm: it is one of blake3, sha256, both",
            "drp manifest create",
        ),
        (("report",), "an argument is missing: drill", "drp report"),
        (("drill", "abort", "latest"), "an option is missing: --reason", "drp drill abort"),
    ],
)
def test_one_error_and_where_its_help_is(arguments: tuple[str, ...], message: str, help_of: str) -> None:
    done = drp(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"drp: {message} [DRP-E002]\nHINT: see `{help_of} --help`\n"


def test_a_language_that_is_not_there_is_refused() -> None:
    for arguments in (("report", "latest", "--lang", "de"), ("--lang", "de", "status")):
        done = drp(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "drp: there are no words in language 'de' [DRP-E002]\nHINT: use one of: en, fr\n"


def test_a_machine_reads_wrong_usage_as_a_document() -> None:
    done = drp("drill", "show", "--json", "--nope")
    assert done.returncode == 2
    said = json.loads(done.stderr)
    assert (said["schema"], said["code"], said["exit"]) == ("drp/error/1", "DRP-E002", 2)


def test_a_noun_without_its_verb_shows_its_help() -> None:
    done = drp("app")
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: drp app ")
    assert "completion" not in done.stderr


def test_completion_knows_nouns_verbs_and_options() -> None:
    asked = {"drp ": "drill", "drp drill re": "resume", "drp drill run --ke": "--keep-sandbox"}
    for words, offered in asked.items():
        position = str(len(words.split(" ")) - 1)
        done = drp(_DRP_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=position)
        assert done.returncode == 0, done.stderr
        assert offered in done.stdout.split()


def test_a_repository_whose_secret_is_missing_hides_no_other(tmp_path: Path) -> None:
    assert drp("init", str(tmp_path / "site")).returncode == 0
    done = drp("repo", "list", "--json", DRP_SITE=str(tmp_path / "site"))
    listed = {row["name"]: row for row in json.loads(done.stdout)["items"]}
    assert listed["vault"]["exit"] == 10
    assert listed["shelf"]["exit"] == 13
    assert done.returncode == 13
