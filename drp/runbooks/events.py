"""What happened in a run: Ansible's events become task results and outputs. Knows no Ansible library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drp.domain.answer import WHY
from drp.domain.first_fatal import first_fatal
from drp.domain.phrase import NOTHING, Phrase, fact, say, with_data
from drp.domain.runbook import MALFORMED, TaskOutcome, TaskResult
from drp.domain.runbook_words import words_of
from drp.domain.strict_json import Limits, Malformed, bounded
from drp.domain.visible import one_line
from drp.errors import RunbookError
from drp.redact import redact

_ENDS = {"runner_on_ok", "runner_on_failed", "runner_on_unreachable", "runner_on_skipped"}
_MESSAGE_LIMIT = 600
_NAME_LIMIT = 200
_WORDS_LIMIT = 60
_LAST_WORDS = 3
_TASK_LIMIT = 10_000
_OUR_ACTION = "drp_exec"
_HOUSEKEEPING = {"validate_argument_spec", "gather_facts", "setup"}
"""Actions that no runbook's author wrote down."""
_OUTPUTS = Limits(size=4 << 20, depth=32)


class Recording:
    """What happened in a run. ``take`` is called from inside the runner's read loop: it is quick and never raises."""

    def __init__(self) -> None:
        self.tasks: list[TaskResult] = []
        self._given: Mapping[str, object] = {}
        self.malformed = ""
        """What of it all was not of its declared form."""
        self.on_task: Callable[[str], None] = lambda _: None
        self.unmatched = False
        """Whether a play addressed a host that is none of the run's: nothing of it was carried out."""
        self._ended = False
        self._unreachable = ""
        self._current = ""
        self._words: list[str] = []

    def imitated(self) -> None:
        """Note that something else than Ansible printed what looks like one of its events."""
        self.malformed = self.malformed or "malformed text: something inside imitates Ansible's own events"

    def take(self, event: Mapping[str, Any]) -> bool:
        """Take one event; False: keep nothing of it on disk."""
        try:
            self._take(str(event.get("event")), event.get("event_data") or {}, str(event.get("stdout") or ""))
        except (AttributeError, TypeError, ValueError) as error:
            self._words.append(f"an event could not be read: {error}")
        return False

    def _take(self, kind: str, data: Mapping[str, Any], text: str) -> None:
        if kind == "playbook_on_task_start":
            self._current = one_line(str(data.get("task") or ""), _NAME_LIMIT)
            self.on_task(self._current)
        elif kind == "playbook_on_no_hosts_matched":
            self.unmatched = True
        elif kind in _ENDS and len(self.tasks) < _TASK_LIMIT:
            self._end(kind, data)
        elif kind == "playbook_on_stats":
            self._ended = True
            self._hand_over(data.get("artifact_data") or {})
        elif kind in {"verbose", "error", "warning"} and text.strip():
            self._words = [*self._words, *text.strip().splitlines()[-_WORDS_LIMIT:]][-_WORDS_LIMIT:]

    def _hand_over(self, outputs: Mapping[str, Any]) -> None:
        """Keep what the playbook gave: it may be made of what restored software said."""
        try:
            bounded(outputs, _OUTPUTS)
        except Malformed as error:
            self.malformed = self.malformed or f"malformed outputs: {error}"
            return
        self._given = _redacted(outputs)

    @property
    def outputs(self) -> Mapping[str, object]:
        """Return what the playbook gave, and what of it was malformed."""
        return {**self._given, MALFORMED: self.malformed} if self.malformed else self._given

    def _end(self, kind: str, data: Mapping[str, Any]) -> None:
        result = data.get("res") or {}
        outcome: TaskOutcome = "changed" if kind == "runner_on_ok" and result.get("changed") else "ok"
        if kind == "runner_on_skipped":
            outcome = "skipped"
        elif kind == "runner_on_unreachable":
            outcome = "unreachable"
        elif kind == "runner_on_failed" and not data.get("ignore_errors"):
            outcome = "failed"
        message = NOTHING
        if kind in {"runner_on_failed", "runner_on_unreachable"}:
            message = _words(result, ours=data.get("task_action") == _OUR_ACTION)
        # Of an answer that drp_exec itself refused: a module of Ansible tells what a program inside told it.
        if outcome == "failed" and data.get("task_action") == _OUR_ACTION and result.get("malformed") is True:
            self.malformed = self.malformed or message
        if outcome == "unreachable":
            self._unreachable = message or say("it does not answer")
        self.tasks.append(
            TaskResult(
                name=one_line(str(data.get("task") or ""), _NAME_LIMIT),
                outcome=outcome,
                duration_ms=round(float(data.get("duration") or 0) * 1000),
                message=message,
                housekeeping=str(data.get("task_action") or "").rpartition(".")[2] in _HOUSEKEEPING,
            )
        )

    @property
    def did_something(self) -> bool:
        """Return whether every play found its host and at least one task was carried out."""
        # A message means that the task failed and the playbook ignored it.
        return not self.unmatched and any(task.outcome in {"ok", "changed"} and not task.message for task in self.tasks)

    def place(self) -> str:
        """Return where the run is, for messages."""
        return (
            fact("task", "task {current}", current=repr(self._current))
            if self._current
            else fact("preparation", "its preparation")
        )

    def require_judgement(self, where: str, exit_code: int) -> None:
        """Raise ``RunbookError`` unless Ansible came to a result of its own."""
        if self._unreachable:
            message = say(
                "{where}: the sandbox was lost during {place}: {unreachable}",
                where=where,
                place=self.place(),
                unreachable=self._unreachable,
            )
            raise RunbookError(message)
        if not self._ended:
            first = next((number for number, word in enumerate(self._words) if "ERROR" in word), -_LAST_WORDS)
            said = redact(" · ".join(word.strip() for word in self._words[first:] if word.strip()))
            words = one_line(said, _MESSAGE_LIMIT)
            message = say(
                "{where}: ansible ended with {exit_code} before it came to a result: {words}",
                where=where,
                exit_code=str(exit_code),
                words=words or say("without a word"),
            )
            raise RunbookError(message)


_TELLS_NOTHING = ("MODULE FAILURE", "non-zero return code", "Module result deserialization failed")
"""What Ansible says of a module or command that ended badly: what it printed tells more."""


def _words(result: Mapping[str, Any], *, ours: bool) -> Phrase:
    """Return why a task ended badly: the message that a program of drp's own named, or else what was said."""
    answer = result.get("answer") if ours else None
    told = words_of(
        one_line(redact(_message(result)), _MESSAGE_LIMIT), answer.get(WHY) if isinstance(answer, Mapping) else None
    )
    words = with_data(told, redact)
    assert isinstance(words, Phrase)
    return words


def _message(result: Mapping[str, Any]) -> str:
    text = str(result.get("msg") or "")
    if not text or text.startswith(_TELLS_NOTHING):
        said = (
            str(result.get(key) or "").splitlines() for key in ("module_stderr", "stderr", "module_stdout", "stdout")
        )
        text = next((why for lines in said if (why := first_fatal(lines))), text)
    words = " ".join(text.split())
    for prefix in ("Task failed: ", "Action failed: "):
        words = words.removeprefix(prefix)
    return words


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    return value
