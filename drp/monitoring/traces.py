"""A span for each drill, recovery and phase, from the journal of a sealed drill: after the fact, never while it runs.

They hold codes, durations and verdicts, and the names that the site gave its applications. The trace's id comes from
the digest of the evidence record, so that a second sending is the same trace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from drp import __version__
from drp.domain.clock import Stamp
from drp.domain.fold import DrillState, between_ms
from drp.domain.phase import PHASES
from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.standing import own_verdict

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Span = dict[str, Any]
"""trace, span, parent (hex), name, start_ns, end_ns, attributes."""


def spans_of(state: DrillState) -> tuple[Span, ...]:
    """Return the spans of a sealed drill, parents first."""
    concluded, sealed = state.concluded, state.sealed
    if concluded is None or sealed is None or state.declared_at is None or state.last is None:
        return ()
    trace = hashlib.sha256(f"trace {sealed.record_digest}".encode()).hexdigest()[:32]
    root = _id(trace, "drill")
    whole = _span(state, trace, root, "", "drill", state.declared_at, state.last)
    whole["attributes"] |= {"drp.verdict": concluded.verdict, "drp.level": state.plan.level}
    return (whole, *_recoveries(state, trace, root))


def _recoveries(state: DrillState, trace: str, root: str) -> Iterator[Span]:
    assert state.concluded is not None
    measured = {one.recovery: one for one in state.concluded.measurements}
    for recovery in state.plan.recoveries:
        progress = state.recoveries[recovery.name]
        begun = min(progress.started.values(), key=_wall, default=None)
        ended = max((*progress.ended.values(), *filter(None, [progress.destroyed_at])), key=_wall, default=begun)
        if begun is None or ended is None:
            continue
        own = _id(trace, recovery.name)
        span = _span(state, trace, own, root, f"recovery {recovery.name}", begun, ended)
        codes = sorted({finding.code for finding in progress.findings})
        times = measured.get(recovery.name)
        span["attributes"] |= {
            "drp.verdict": own_verdict(state, recovery),
            "drp.findings": codes,
            **({"drp.rta_ms": times.rta_ms} if times is not None and times.rta_ms is not None else {}),
            **({"drp.rto_ms": times.rto_ms} if times is not None else {}),
        }
        yield span
        for phase in PHASES:
            start, end = progress.started.get(phase), progress.ended.get(phase)
            if start is not None and end is not None:
                yield _span(state, trace, _id(trace, f"{recovery.name}/{phase}"), own, phase, start, end)


def _span(  # noqa: PLR0917 - two callers, both here
    state: DrillState, trace: str, own: str, parent: str, name: str, start: Stamp, end: Stamp
) -> Span:
    """Return a span: it begins by the wall clock, and lasts as the journal's measure of time says, where it says."""
    begun = (start.wall - _EPOCH) // timedelta(microseconds=1) * 1000
    lasted = between_ms(state, start, end)[0]
    ended = begun + lasted * 1_000_000 if lasted is not None else begun
    attributes = {} if lasted is not None else {"drp.duration_unknown": True}
    return {
        "trace": trace,
        "span": own,
        "parent": parent,
        "name": name,
        "start_ns": begun,
        "end_ns": ended,
        "attributes": attributes,
    }


def _id(trace: str, what: str) -> str:
    return hashlib.sha256(f"{trace} {what}".encode()).hexdigest()[:16]


def _wall(stamp: Stamp) -> datetime:
    return stamp.wall


def export(endpoint: str, spans: Sequence[Span], seconds: float) -> Phrase:
    """Send spans by OTLP over HTTP and return why they were not taken; empty: they were."""
    try:
        import requests
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.sdk.trace.export import SpanExportResult
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        from opentelemetry.trace import SpanContext, TraceFlags
    except ImportError:
        return say("OpenTelemetry is not installed: install drproof[traces]")

    resource = Resource({"service.name": "drp", "service.version": __version__})
    scope = InstrumentationScope("drp", __version__)

    def context(trace: str, span: str) -> SpanContext:
        return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    made = [
        ReadableSpan(
            name=span["name"],
            context=context(span["trace"], span["span"]),
            parent=context(span["trace"], span["parent"]) if span["parent"] else None,
            resource=resource,
            instrumentation_scope=scope,
            attributes=span["attributes"],
            start_time=span["start_ns"],
            end_time=span["end_ns"],
        )
        for span in spans
    ]
    session = requests.Session()
    session.max_redirects = 0
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=seconds, session=session)
    taken = exporter.export(made) is SpanExportResult.SUCCESS
    return NOTHING if taken else say("the receiver did not take the spans")
