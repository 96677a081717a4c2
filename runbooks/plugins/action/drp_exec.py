# Copyright the drp authors. GNU General Public License v3.0 or later (see LICENSE in the folder above).
"""Action plugin: run a program inside the sandbox by its argv, and forward its progress while it runs.

What is long stays inside the sandbox: results carry tails only, since Ansible's event stream silently drops a result
of more than 700,000 characters.
"""

from __future__ import annotations

import collections
import json
import resource
import socket
import time

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from drp.domain.answer import read_answer
from drp.domain.first_fatal import first_fatal
from drp.domain.strict_json import LIMITS, Malformed
from drp.domain.visible import one_line, printable_lines
from drp.errors import PluginError, SandboxError
from drp.repositories.dialects import dialect

STDOUT_LIMIT = 64 << 10
ANSWER_SECONDS = 10  # of processor time: the largest answer takes a hundredth of one
STDERR_LIMIT = 16 << 10
LINE_LIMIT = 1000
SHORT = 1000
ERROR_LINE_LIMIT = 6 << 10  # the longest path, escaped, and what was wrong with it
ERROR_BYTES = 256 << 10
PARTIAL_LIMIT = 1 << 20
ERROR_LIMIT = 200
REFUSED_LIMIT = 20  # of what a sandbox cannot make: there may be one a file, and there must be room for the rest
TAIL_LINES = 40
SECONDS_BETWEEN_REPORTS = 0.25

ARGUMENTS = {
    "argv": {"type": "list", "elements": "str", "required": True},
    "stdin": {"type": "str", "default": ""},
    "environment": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}},
    "expect_rc": {"type": "list", "elements": "int", "default": [0]},
    "stream": {"type": "bool", "default": False},
    "progress": {"type": "str", "default": "none"},
    "answer": {"type": "dict"},
    "chdir": {"type": "str"},
    "timeout": {"type": "float"},
}


class ActionModule(ActionBase):
    """drp_exec: its documentation is in modules/drp_exec.py."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(ARGUMENTS)
        if self._task.check_mode:
            return {**result, "skipped": True, "msg": "would run a program inside the sandbox"}
        if not hasattr(self._connection, "agent"):
            raise AnsibleActionFail("drp_exec needs the connection drp_sandbox")
        try:
            spoken = dialect(options["progress"])
        except PluginError as error:
            raise AnsibleActionFail(_words(error)) from None
        forward = _Forward((task_vars or {}).get("drp_progress_socket") if options["stream"] else None)
        reader = _Reader(forward, dialect=spoken, answers=options["answer"] is not None)
        try:
            end = self._connection.agent.exec(
                options["argv"],
                stdin=options["stdin"].encode(),
                timeout=options["timeout"] or self._connection.time_limit,
                env={name: "" if value is None else str(value) for name, value in options["environment"].items()},
                cwd=options["chdir"],
                secrets=options["secrets"],
                on_output=reader.take,
                private=options["answer"] is not None,
            )
        except (OSError, SandboxError) as error:
            raise AnsibleConnectionFailure(f"the sandbox has gone: {_words(error)}") from None
        finally:
            forward.close()
        result.update(reader.finish(), rc=end.exit_code, duration_ms=end.duration_ms, changed=True, failed=False)
        accepted = options["expect_rc"]
        if end.timed_out:
            result.update(failed=True, msg=f"exceeded its time limit after {_seconds(end.duration_ms)}")
        elif accepted and end.exit_code not in accepted:
            result.update(failed=True, msg=_message(end.exit_code, reader.reason()))
        if options["answer"] is not None:
            result.update(_answer(reader, options["answer"], whole=not result["failed"]))
        return result


def _answer(reader, declared, *, whole):
    """Return what the program answered. This process is one task's own: Ansible outlives its end.

    ``malformed`` is for drp, which takes it from this plugin alone. Of a program that failed only what is well said
    is kept: why it failed is known.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + ANSWER_SECONDS, hard))
    try:
        return {"answer": read_answer(reader.whole_stdout(), declared, whole=whole)}
    except Malformed as error:
        if not whole:
            return {"answer": {}}
        why = f"malformed answer: {error}"
        return {"answer": {}, "failed": True, "malformed": True, "msg": why}
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _seconds(ms):
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s" if ms >= 1000 else f"{ms} ms"


def _message(exit_code, reason):
    how = f"ended with signal {-exit_code}" if exit_code < 0 else f"ended with {exit_code}"
    return f"{how}: {one_line(reason, LINE_LIMIT)}" if reason else how


def _words(error):
    return getattr(error, "message", None) or str(error)


class _Forward:
    """Sends progress to drp as datagrams; a lost one does not matter, the next tells more."""

    def __init__(self, path):
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) if path else None
        self._last = 0.0

    def send(self, fields):
        now = time.monotonic()
        if self._socket is None or now - self._last < SECONDS_BETWEEN_REPORTS:
            return
        self._last = now
        try:
            self._socket.sendto(json.dumps(fields).encode(), self._path)
        except OSError:  # progress is a courtesy: the restore goes on without it
            self._socket.close()
            self._socket = None

    def close(self):
        if self._socket is not None:
            self._socket.close()


class _Reader:
    """Takes both streams as they come, within bounds, and understands what is said in the program's dialect."""

    def __init__(self, forward, *, dialect, answers):
        self._forward = forward
        self._dialect = dialect
        self._bytes = {"stdout": bytearray(), "stderr": bytearray()}
        self._partial = {"stdout": bytearray(), "stderr": bytearray()}
        self._limits = {"stdout": LIMITS.size if answers else STDOUT_LIMIT, "stderr": STDERR_LIMIT}
        self._printed = {"stdout": 0, "stderr": 0}
        self._tail = collections.deque(maxlen=TAIL_LINES)
        self._errors = []
        self._errors_size = 0
        self._first_words = self._last_words = ""
        self._summary = {}
        self._refused = self._announced = 0

    def take(self, stream, data):
        self._printed[stream] += len(data)
        _extend(self._bytes[stream], data, self._limits[stream])
        begun = self._partial[stream]
        first, *lines = data.split(b"\n")
        _extend(begun, first, PARTIAL_LIMIT)
        for line in lines:
            self._line(stream, begun[-PARTIAL_LIMIT:])
            begun[:] = line

    def finish(self):
        for stream, rest in self._partial.items():
            self._line(stream, rest[-PARTIAL_LIMIT:])
        return {
            "summary": {**_counts(self._summary), "cannot_be_made": max(0, self._refused - REFUSED_LIMIT)},
            "harmless": 0 < self._refused == self._announced,
            "errors": self._errors,
            "words": one_line(self._first_words or self.last_words(), LINE_LIMIT),
            "tail": list(self._tail),
            **{
                stream: printable_lines(bytes(kept[-limit:]).decode("utf-8", "replace").rstrip("\n"))[-limit:]
                for stream, kept in self._bytes.items()
                for limit in (min(self._limits[stream], STDOUT_LIMIT),)
            },
        }

    def whole_stdout(self):
        """Return all of the output. Raises Malformed when it was more than is read."""
        if self._printed["stdout"] > self._limits["stdout"]:
            raise Malformed(f"more than {self._limits['stdout']} bytes")
        return bytes(self._bytes["stdout"])

    def reason(self):
        """Return why it ended badly: what it said last of itself, or of others the first fatal line."""
        told = "" if self._dialect.last_words_count else first_fatal(self._errors) or first_fatal(list(self._tail))
        return told[:LINE_LIMIT] or self.last_words()

    def last_words(self):
        return self._last_words or (self._tail[-1] if self._tail else "")

    def _line(self, stream, raw):
        text = raw.decode("utf-8", "replace").rstrip()
        if not text:
            return
        said = self._dialect.read(text)
        if said.kind == "status":
            self._forward.send(dict(said.fields))  # which may be nothing: the sign of life counts
        elif said.kind == "summary":
            self._summary = dict(said.fields)
        elif said.kind in {"error", "end"}:
            self._error(text, said)
            if said.kind == "end":  # says how many errors there were: kept even when there is no room for more
                self._tail.append(text[:ERROR_LINE_LIMIT])
        else:
            self._tail.append(text[:LINE_LIMIT])
            if stream == "stderr" and said.kind == "text":
                self._error(text, said)

    def _error(self, text, said):
        """Keep an error as it was printed, and its words for people; of what cannot be made here, the first ones."""
        self._announced = max(self._announced, said.announced)
        if said.harmless:
            self._refused += 1
            if self._refused > REFUSED_LIMIT:
                return
        self._last_words = said.words[:LINE_LIMIT]
        self._first_words = self._first_words or self._last_words
        text = text[:ERROR_LINE_LIMIT]
        if len(self._errors) < ERROR_LIMIT and self._errors_size + len(text) < ERROR_BYTES:
            self._errors.append(text)
            self._errors_size += len(text)


def _extend(kept, data, limit):
    """Add to what is kept, of which the end counts."""
    kept += data
    if len(kept) > 2 * limit:
        del kept[:-limit]


def _counts(message):
    """Return the numbers of a summary, and its short words."""
    return {
        name: value
        for name, value in message.items()
        if isinstance(value, (int, float)) or (isinstance(value, str) and len(value) <= SHORT)
    }
