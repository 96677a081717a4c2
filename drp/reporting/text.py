"""The report as Markdown that also reads well on a terminal: the verdict, the figures, the findings, the digest.

Data of the drill stands in code spans, made visible first, so that neither a terminal nor a renderer obeys it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drp.domain.events import SignedOff
from drp.domain.evidence import EvidenceRecord
from drp.domain.names import shown_name
from drp.domain.phrase import Phrase
from drp.reporting.i18n import Language, language
from drp.reporting.markdown import MARKS, Markdown, code, table
from drp.reporting.text_immutability import immutability_lines
from drp.reporting.text_reconciliation import reconciliation_lines
from drp.reporting.view import FindingView, Origin, RecoveryView, ReportView, view_of
from drp.reporting.words import (
    CHECK_OUTCOMES,
    PHASE_NAMES,
    SEVERITIES,
    VERDICTS,
    WITNESSES,
)

MOST_FINDINGS = 100
"""Findings of a recovery that are told; how many more there are is said."""


def render_markdown(record: EvidenceRecord, tag: str, origin: Origin | None = None) -> bytes:
    """Return the summary of a record in a language. Same arguments, same bytes."""
    writer = _Writer(language(tag).within(record.zone))
    return ("\n".join(writer.report(view_of(record, origin))) + "\n").encode("utf-8", "replace")


class _Writer:
    """Writes lines in one language."""

    def __init__(self, tongue: Language) -> None:
        self._tongue, self._markdown = tongue, Markdown(tongue)
        self._say = self._markdown.say

    def _titled(self, view: ReportView) -> str:
        record = view.record
        return self._say(view.title) if record.ad_hoc else code(record.plan.scenario.title)

    def report(self, view: ReportView) -> Iterator[str]:
        record, _ = view.record, self._tongue.gettext
        verdict = self._say(VERDICTS[record.verdict])
        verdict += f" ({self._say(view.depth)})" if view.depth is not None else ""
        yield f"# {MARKS[view.tone]} {verdict} — {self._titled(view)}"
        yield ""
        yield from self._story(view)
        yield self._say(view.meaning)
        yield ""
        yield from self._list(view.reasons.shown, view.reasons.left_out)
        for said in (view.approval, view.rests):
            if said is not None:
                yield self._say(said)
                yield ""
        demands = [recovery.demand for recovery in view.recoveries if recovery.demand is not None]
        yield from self._list(demands, 0)
        if view.reconciliation is not None:
            yield from reconciliation_lines(view.reconciliation, self._markdown)
        for recovery in view.recoveries:
            yield from self._recovery(recovery)
        yield f"## {_('What this report does not prove')}"
        yield ""
        yield from self._list(view.limits, 0)
        yield f"## {_('Evidence')}"
        yield ""
        yield from table(
            (_("What"), _("Value")),
            (
                (_("Drill"), code(record.drill)),
                (f"{_('Declared')} (t0)", self._tongue.instant(record.declared_at)),
                (_("Concluded"), self._tongue.instant(record.concluded_at)),
                (_("Record, SHA-256"), code(view.digest)),
                (_("Head of the journal"), code(record.journal_head)),
            ),
        )

    def _story(self, view: ReportView) -> Iterator[str]:
        """Yield what happened and what has to be done, before anything else."""
        yield from self._list(view.story.told, view.story.more)
        yield from self._list(view.story.kept, 0)
        if view.story.lead is None:
            return
        yield f"**{self._say(view.story.lead)}**"
        yield ""
        for number, action in enumerate(view.story.actions, 1):
            yield f"{number}. {self._say(action.what)}{f' {code(action.command)}' if action.command else ''}"
        if view.story.further:
            yield f"- {self._markdown.more(view.story.further)}"
        yield ""

    def _recovery(self, view: RecoveryView) -> Iterator[str]:
        _ = self._tongue.gettext
        yield f"## {code(view.planned.application.title)}"
        yield ""
        yield self._say(view.summary)
        yield ""
        rows = (
            (
                self._say(t.question),
                self._say(t.figure),
                self._markdown.word(t.tone, t.word),
                self._say(t.who) if t.who is not None else "—",
                self._say(t.note),
            )
            for t in view.tiles
        )
        yield from table((_("Question"), _("Answer"), _("Outcome"), _("Who says so"), _("Remark")), rows)
        if view.timeline.bars:
            phases = (
                (
                    self._say(PHASE_NAMES[bar.phase]) if bar.phase in PHASE_NAMES else code(bar.phase),
                    self._tongue.duration(bar.started_ms),
                    self._tongue.duration(bar.duration_ms),
                    self._apart(bar.waiting_ms, bar.harness_ms),
                )
                for bar in view.timeline.bars
            )
            yield from table((_("Phase"), _("Began after"), _("Duration"), _("Of which")), phases)
        yield from self._list(view.surroundings, 0)
        if view.volumes:
            volumes = ((code(one.at), self._say(one.made), self._say(one.erased)) for one in view.volumes)
            yield from table((_("Volume"), _("What it was"), _("What became of it")), volumes)
        if view.immutability is not None:
            yield from immutability_lines(view.immutability, self._markdown)
        yield from self._steps(view)
        for finding in view.findings[:MOST_FINDINGS]:
            yield from self._finding(finding)
        if view.findings:
            yield from self._list((), max(0, len(view.findings) - MOST_FINDINGS))
            yield ""
        yield from self._left_out(view)
        yield from self._code(view)

    def _code(self, view: RecoveryView) -> Iterator[str]:
        """Yield the code that came out of the backup, what changed first."""
        if view.code.shown:
            _ = self._tongue.gettext
            rows = [
                (
                    code(one.code.name),
                    code(one.code.digest),
                    f"{code(one.code.check)}, {self._say(WITNESSES[one.code.witness])}",
                    self._markdown.word(one.tone, one.word),
                )
                for one in view.code.shown
            ]
            heads = (_("Code that came out of the backup"), _("Digest"), _("Check"), _("Known"))
            yield from table(heads, rows)
            yield from self._list((), view.code.left_out)

    def _left_out(self, view: RecoveryView) -> Iterator[str]:
        """Yield what nobody looked at, and so is neither sound nor damaged."""
        if view.left_out.shown:
            _ = self._tongue.gettext
            rows = [
                (self._say(one.part), self._say(one.why), code(", ".join(one.checks))) for one in view.left_out.shown
            ]
            yield from table((_("Not judged"), _("Why"), _("Check")), rows)
            yield from self._list((), view.left_out.left_out)

    def _steps(self, view: RecoveryView) -> Iterator[str]:
        """Yield what the business referent answered, step by step, where the plan asks for it."""
        if not view.steps:
            return
        _, signed = self._tongue.gettext, view.record.sign_off
        if signed is None:
            yield _("Nobody signed the application off.")
        else:
            yield self._signed(signed)
        yield ""
        rows = (
            (
                code(item.step.do),
                self._say(CHECK_OUTCOMES[item.result.outcome]) if item.result is not None else "—",
                code(item.result.comment) if item.result is not None else "—",
            )
            for item in view.steps
        )
        yield from table((_("Step"), _("Outcome"), _("Comment")), rows)

    def _signed(self, signed: SignedOff) -> str:
        """Return whose word it is: whom the signature proves, then the name that was given."""
        _, name = self._tongue.gettext, code(shown_name(signed.answer.name))
        if signed.signer is None:
            return _("Answered under the name {name}, without a signature").format(name=name)
        who = code(shown_name(signed.signer.principal))
        said = _("Signed off by {principal} ({key}), signed under the name {name}")
        return said.format(principal=who, key=code(signed.signer.key), name=name)

    def _apart(self, waiting_ms: int, harness_ms: int) -> str:
        parts = []
        if waiting_ms:
            waiting = self._tongue.gettext("waiting for the medium: {duration}")
            parts.append(waiting.format(duration=self._tongue.duration(waiting_ms)))
        if harness_ms:
            harness = self._tongue.gettext("Ansible's own overhead: {duration}")
            parts.append(harness.format(duration=self._tongue.duration(harness_ms)))
        return ", ".join(parts)

    def _finding(self, view: FindingView) -> Iterator[str]:
        finding, _, labelled = view.finding, self._tongue.gettext, self._tongue.labelled
        severity = self._say(SEVERITIES[finding.severity])
        what = f"**{severity}** {code(finding.code)} {self._say(view.title)}"
        if view.earlier:
            what += f" ({_('found before the drill was resumed')})"
        yield f"- {labelled(what, self._say(finding.subject))}"
        yield f"  - {labelled(_('Observed'), self._say(finding.observed))}"
        yield f"  - {labelled(_('Who says so'), self._say(view.speaker))}"
        yield f"  - {labelled(_('Expected'), self._say(finding.expected))}"
        yield f"  - {labelled(_('What to do'), self._say(view.remedy))}"
        if view.alike:
            pattern = self._tongue.ngettext(
                "and {n} more like this ({code})", "and {n} more like this ({code})", view.alike
            )
            yield f"- {pattern.format(n=self._tongue.number(view.alike), code=code(finding.code))}"

    def _list(self, phrases: Sequence[Phrase], left_out: int) -> Iterator[str]:
        yield from (f"- {self._say(phrase)}" for phrase in phrases)
        if left_out:
            yield f"- {self._markdown.more(left_out)}"
        if phrases:
            yield ""
