"""What a simulated world runs: runbooks, checks and readers of records, as its script says."""

from __future__ import annotations

from typing import Any

from drp.domain.check import Checked, CheckResult, Watermark
from drp.domain.runbook import RunbookResult, TaskResult
from drp.domain.witness import stamped
from drp.errors import Interrupted


class Runbooks:
    def __init__(self, world: Any) -> None:
        self.world = world

    def run(self, order, report, cancelled) -> RunbookResult:
        self.world.call(f"runbook.{order.step}")
        self.world.inputs[order.step] = dict(order.inputs)
        ok = self.world.script.restore_ok if order.step == "restore" else self.world.script.start_ok
        outputs = {"drp_restore": {"exit_code": 0 if ok else 1}, **self.world.script.outputs.get(order.step, {})}
        task = TaskResult(name="Do it", outcome="ok" if ok else "failed", duration_ms=5, message="" if ok else "broken")
        return RunbookResult(step=order.step, ok=ok, tasks=(task,), outputs=outputs, duration_ms=10, harness_ms=5)


class Checks:
    def __init__(self, world: Any) -> None:
        self.world = world

    def places(self, spec):
        return self.world.script.places

    def run(self, spec, place, target, expectation, cancelled) -> Checked:
        self.world.call("check" if place != "reader" else "read")
        mark = self.world.script.watermark
        results = tuple(
            CheckResult(
                check=spec.name, outcome=outcome, statement="looked", witness=stamped(place, self.world.script.witness), watermark=Watermark(at=mark, source="sim") if mark else None,
                loss=self.world.script.loss,
            )
            for outcome in self.world.script.checks
        )  # fmt: skip
        return Checked(results=results, not_judged=self.world.script.not_judged, code=self.world.script.code)


class Records:
    def __init__(self, world: Any) -> None:
        self.world = world

    def beside(self, source) -> bool:
        return False

    def lines(self, listed) -> tuple[str, ...]:
        return tuple(self.world.script.lists[listed.path])

    def read(self, source, fields, target, *, expectation, receive, cancelled, passed_over=lambda number: None) -> str:
        self.world.call(f"records.{source.name}")
        found = self.world.script.records[source.name]
        if isinstance(found, str):
            return found
        for row in found:
            if cancelled():
                raise Interrupted
            receive(row)
        passed_over(self.world.script.passed_over)
        return ""
