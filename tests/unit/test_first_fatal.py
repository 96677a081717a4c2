"""Which line of a program's output is the reason.

Samples are what programs printed when they were made to fail, shortened; stacks of Go and Java, progress of restic and
PostgreSQL's start with a foreign locale are written after their known forms.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drp.domain.first_fatal import first_fatal
from drp.runbooks.events import Recording

REAL = {
    "restic 0.14": (
        (
            "Fatal: unable to open config file: stat /r/config: no such file or directory\n"
            "Is there a repository at the following location?\n/r"
        ),
        "Fatal: unable to open config file: stat /r/config: no such file or directory",
    ),
    "restic 0.18 --json": (
        (
            '{"message_type":"status","percent_done":0.4}\n'
            '{"message_type":"exit_error","code":10,"message":"Fatal: repository does not exist: unable to open config file'
            '\\nIs there a repository at the following location?\\n/r"}'
        ),
        "Fatal: repository does not exist: unable to open config file",
    ),
    "restic progress": (
        "[0:05] 12.34%  10 / 20 packs\rcheck failed: pack 0a\n[0:06] 100.00%  20 / 20 packs\n",
        "check failed: pack 0a",
    ),
    "Go": (
        (
            "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\n"
            "github.com/restic/restic/internal/pack.(*Packer).Finalize(0xc000012)\n"
            "\t/restic/internal/pack/pack.go:99 +0x1d\nmain.main()\n\t/restic/main.go:9 +0x20\nexit status 2"
        ),
        "panic: runtime error: index out of range [3] with length 3",
    ),
    "psql": (
        (
            'psql: error: connection to server on socket "/x" failed: No such file or directory\n'
            "\tIs the server running locally and accepting connections on that socket?"
        ),
        'psql: error: connection to server on socket "/x" failed: No such file or directory',
    ),
    "postgres": (
        (
            "2026-11-29 06:51:14 UTC [7] LOG:  starting PostgreSQL 15\n"
            "2026-11-29 06:51:14 UTC [9] FATAL:  database locale is incompatible with operating system\n"
            '2026-11-29 06:51:14 UTC [9] DETAIL:  initialized with LC_COLLATE "xx", not recognized by setlocale().\n'
            "2026-11-29 06:51:15 UTC [11] FATAL:  the database system is starting up\n"
            "2026-11-29 06:51:16 UTC [7] LOG:  database system is shut down"
        ),
        "2026-11-29 06:51:14 UTC [9] FATAL:  database locale is incompatible with operating system",
    ),
    "postgres as root": (
        (
            '"root" execution of the PostgreSQL server is not permitted.\nThe server must be started under an unprivileged '
            "user ID to prevent\npossible system security compromise."
        ),
        '"root" execution of the PostgreSQL server is not permitted.',
    ),
    "mariadbd": (
        (
            "2026-11-29  6:51:14 0 [Warning] Could not increase number of max_open_files to more than 20000\n"
            "2026-11-29  6:51:14 0 [Note] Starting MariaDB 10.11.19\n"
            "2026-11-29  6:51:14 0 [ERROR] mariadbd: Can't create/write to file './ddl_recovery.log' (Errcode: 13)\n"
            "2026-11-29  6:51:14 0 [ERROR] DDL_LOG: Failed to create ddl log file: ./ddl_recovery.log\n"
            "2026-11-29  6:51:14 0 [ERROR] Aborting"
        ),
        "2026-11-29  6:51:14 0 [ERROR] mariadbd: Can't create/write to file './ddl_recovery.log' (Errcode: 13)",
    ),
    "mariadb": (
        "ERROR 2002 (HY000): Can't connect to local server through socket '/x' (111)",
        "ERROR 2002 (HY000): Can't connect to local server through socket '/x' (111)",
    ),
    "Orthanc": (
        (
            "W1129 06:51:14.228300 main.cpp:2041] Orthanc version: 1.10.1\n"
            "E1129 06:51:14.228377 OrthancException.cpp:58] Cannot parse a JSON document: /tmp/o.json\n"
            "E1129 06:51:14.228454 main.cpp:2074] Uncaught exception, stopping now: [Cannot parse] (code 28)\n"
            "W1129 06:51:14.228476 main.cpp:2105] Orthanc has stopped"
        ),
        "E1129 06:51:14.228377 OrthancException.cpp:58] Cannot parse a JSON document: /tmp/o.json",
    ),
    "Python": (
        (
            'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\n    raise ValueError\n'
            "    ^^^^^^^^^^^^^^^^\njson.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
        ),
        "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
    ),
    "Java": (
        (
            'Exception in thread "main" java.lang.IllegalStateException: no database\n'
            "\tat org.example.Main.main(Main.java:7)\n\t... 12 more"
        ),
        'Exception in thread "main" java.lang.IllegalStateException: no database',
    ),
    "tar": (
        (
            "tar: This does not look like a tar archive\ntar: Skipping to next header\n"
            "tar: Exiting with failure status due to previous errors"
        ),
        "tar: This does not look like a tar archive",
    ),
    "zstd": (" 12 %\rzstd: /etc/passwd: unsupported format \n", "zstd: /etc/passwd: unsupported format"),
    "echoscu": (
        "W: no nickname\nF: Association Request Failed: 0006:031c TCP Initialization Error: Connection refused",
        "F: Association Request Failed: 0006:031c TCP Initialization Error: Connection refused",
    ),
    "bwrap": ("bwrap: execvp true: No such file or directory", "bwrap: execvp true: No such file or directory"),
    "a warning alone": ("WARNING: something\n", "WARNING: something"),
    "chatter": ("starting\nlooking\nnothing came", "nothing came"),
    "progress alone": ("[0:01] 3.00%\n100%\n", ""),
    "nothing": ("\n \n", ""),
}


@pytest.mark.parametrize("program", REAL)
def test_the_reason_is_the_first_fatal_line(program):
    output, reason = REAL[program]
    assert first_fatal(output.splitlines()) == reason


def test_it_ends_soon_on_what_a_hostile_program_prints():
    lines = ["^ " * 5000, "a" * 8000 + "(", '{"message":' * 500, "\r" * 1000, "[" * 5000, ". " * 4000 + "x"]
    assert isinstance(first_fatal(lines), str)


def test_runbooks_have_the_same_text():
    root = Path(__file__).resolve().parents[2]
    ours = root / "drp" / "domain" / "first_fatal.py"
    theirs = root / "runbooks" / "roles" / "service" / "files" / "first_fatal.py"
    assert ours.read_bytes() == theirs.read_bytes()
    assert not re.search(r"^(from|import) drp", ours.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            {"msg": "non-zero return code", "stderr": "12 %\rtar: x: Cannot open\ntar: Exiting now"},
            "tar: x: Cannot open",
        ),
        ({"msg": "MODULE FAILURE: see stdout", "module_stderr": REAL["Python"][0]}, REAL["Python"][1]),
        ({"msg": "non-zero return code", "stderr": "", "stdout": "error: no licence\nbye"}, "error: no licence"),
        ({"msg": "Task failed: it is too old"}, "it is too old"),
        ({"msg": "non-zero return code"}, "non-zero return code"),
    ],
)
def test_a_task_that_failed_is_told_by_what_it_printed(result, said):
    recording = Recording()
    recording.take({"event": "runner_on_failed", "event_data": {"task": "t", "res": result}})
    assert recording.tasks[0].message == said
