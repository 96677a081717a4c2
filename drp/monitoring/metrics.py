"""What a site's evidence says now, as Prometheus reads it: computed when it is asked for, so that age grows by itself.

Nothing is remembered from one question to the next. Where the evidence cannot be read or does not verify, ``drp_up``
and ``drp_evidence_ok`` are 0 and no other number is given. Labels are names of the site's files and words of drp.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import CollectorRegistry

from drp import __version__
from drp.config.site import Site
from drp.domain.alerts import GRAVITY
from drp.domain.held import LastDrill
from drp.domain.schedule.due import DueState
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.slot import Ending
from drp.domain.telling import Listener
from drp.domain.verdict import Verdict
from drp.errors import DrpError
from drp.monitoring.situation import look
from drp.service.overview import Overview, overview
from drp.service.scheduled import never_held
from drp.service.told import recall
from drp.service.wiring import Wiring

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(site: Site) -> bytes:
    """Return the text exposition of a site as it is now. Raises nothing of the family."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Site(site))
    return generate_latest(registry)


class _Site:
    """Collects everything of one site, of one reading."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what there is depends on the site."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        wiring = Wiring(self._site)
        try:
            found: Overview | None = overview(wiring)
            families = [*_of_site(wiring, found), *_of_drills(found), *_of_schedule(wiring, found)] if found else []
        except DrpError:
            found, families = None, []
        except OSError:  # whatever the system refuses: nothing is known
            found, families = None, []
        yield _one("drp_up", "1: the site's evidence can be read.", float(found is not None))
        ok = found is not None and not found.lost
        yield _one("drp_evidence_ok", "1: journal, register and records fit one another, and none is lost.", float(ok))
        yield _labelled("drp_build_info", "The drp that answers.", ("version",), [((__version__,), 1.0)])
        now = wiring.clock.now().wall.timestamp()
        yield _one("drp_exposition_timestamp_seconds", "When these numbers were computed.", now)
        yield from families
        yield from _of_targets(self._site)


def _of_site(wiring: Wiring, found: Overview) -> Iterator[Metric]:
    now = found.now
    yield _one("drp_applications", "Applications of the site.", found.coverage.total + len(found.broken))
    yield _one("drp_applications_drilled", "Applications that a drill has a verdict of.", len(found.coverage.drilled))
    yield _one("drp_applications_broken", "Applications whose file has a problem.", len(found.broken))
    yield _one("drp_drills", "Drills that were ever held.", found.drills)
    yield _one("drp_drills_running", "Drills at work.", len(found.running))
    yield _one("drp_drills_unfinished", "Drills without an end that nobody works on.", len(found.unfinished))
    yield _one("drp_records_lost", "Sealed drills whose records are gone.", len(found.lost))
    yield _one("drp_sandboxes_kept", "Sandboxes with restored data that somebody keeps.", len(found.kept))
    over = sum(kept.until < now for kept in found.kept)
    yield _one("drp_sandboxes_kept_overdue", "Kept sandboxes whose lease has ended.", over)
    if found.verified is not None:
        age = (now - found.verified.at).total_seconds()
        yield _one("drp_journal_verified_age_seconds", "Since the journal was verified as a whole.", age)
        yield _one("drp_journal_verified_entries", "Entries that were verified then.", found.verified.entries)
    yield from _of_repositories(found)
    kinds = [cause.kind for cause in look(wiring, found).causes]
    rows = [((kind, gravity), float(kinds.count(kind))) for kind, gravity in GRAVITY.items()]
    yield _labelled("drp_alerts", "Things that are wrong and have to be told.", ("kind", "gravity"), rows)


def _of_repositories(found: Overview) -> Iterator[Metric]:
    known, one = found.repositories, ("repository",)
    expected = [((each.repository,), float(each.points)) for each in known]
    yield _labelled("drp_points_expected", "Recovery points that are known and there.", one, expected)
    lost = [
        ((each.repository, name), float(len(points)))
        for each in known
        for name, points in each.missing_by_application.items()
    ]
    text = "Recovery points lost or altered, and not accepted."
    yield _labelled("drp_points_lost", text, ("repository", "application"), lost)
    damaged = [((each.repository,), float(each.damaged)) for each in known if each.scrubbed_at is not None]
    yield _labelled("drp_scrub_damaged_objects", "Stored objects that the last scrub found damaged.", one, damaged)
    covered = [((each.repository,), each.covered) for each in known if each.covered is not None]
    yield _labelled("drp_scrub_coverage_ratio", "Share of the bytes ever read and found whole.", one, covered)
    let = [((each.repository,), float(each.let_through)) for each in known if each.probed_at is not None]
    yield _labelled("drp_probe_let_through", "Attempts of the last probe that should have been refused.", one, let)
    for metric, text, field in (
        ("drp_scrub_timestamp_seconds", "When the last scrub ended.", "scrubbed_at"),
        ("drp_probe_timestamp_seconds", "When the last probe was.", "probed_at"),
        ("drp_horizon_timestamp_seconds", "Until when nobody can delete the newest point.", "newest_until"),
    ):
        instants = ((each.repository, getattr(each, field)) for each in known)
        yield _labelled(metric, text, one, [((name,), at.timestamp()) for name, at in instants if at is not None])


def _of_drills(found: Overview) -> Iterator[Metric]:
    deep, kinds = ("application", "level"), get_args(Verdict)
    newest = {
        (standing.application, last.depth): last
        for standing in found.standings
        for last in (standing.last, standing.compared)
        if last is not None
    }
    verdicts = [((*name, kind), float(last.verdict == kind)) for name, last in newest.items() for kind in kinds]
    yield _labelled("drp_last_drill_verdict", "1: so the newest drill ended.", (*deep, "verdict"), verdicts)
    begun = [(name, last.declared_at.timestamp()) for name, last in newest.items()]
    yield _labelled("drp_last_drill_timestamp_seconds", "When it was declared.", deep, begun)
    held = {standing.application: standing.last for standing in found.standings if standing.last is not None}
    measured = {name: last.measurement for name, last in held.items() if last.measurement is not None}
    for metric, text, field in (
        ("drp_rta_seconds", "Recovery time actual of the newest drill.", "rta_ms"),
        ("drp_rto_seconds", "Recovery time objective.", "rto_ms"),
        ("drp_rpa_lower_seconds", "At least so much was lost, of the newest drill.", "rpa_lower_ms"),
        ("drp_rpa_upper_seconds", "At most so much was lost, of the newest drill.", "rpa_upper_ms"),
        ("drp_rpo_seconds", "Recovery point objective.", "rpo_ms"),
    ):
        values = ((name, getattr(one, field)) for name, one in measured.items())
        rows = [((name,), value / 1000) for name, value in values if value is not None]
        yield _labelled(metric, text, ("application",), rows)
    yield _labelled("drp_phase_seconds", "Phases of the newest drill.", ("application", "phase"), list(_phases(held)))


def _phases(held: dict[str, LastDrill]) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, last in held.items():
        for phase in last.measurement.phases if last.measurement is not None else ():
            yield (name, phase.phase), phase.duration_ms / 1000


def _of_schedule(wiring: Wiring, found: Overview) -> Iterator[Metric]:
    pair, dues = ("application", "level"), [due for due in found.dues if due.level]
    ages = [(due, due.proven_at) for due in dues]
    rows = [((due.application, due.level), (found.now - at).total_seconds()) for due, at in ages if at is not None]
    yield _labelled("drp_proven_age_seconds", "Since the newest drill that proves it was declared.", pair, rows)
    for metric, text, field in (
        ("drp_proven_max_age_seconds", "So old it may grow before a drill is due.", "max_age"),
        ("drp_proven_grace_seconds", "So much later it is overdue.", "grace"),
    ):
        spans = ((due, getattr(due, field)) for due in dues)
        limits = [((due.application, due.level), span.total_seconds()) for due, span in spans if span is not None]
        yield _labelled(metric, text, pair, limits)
    states = [
        ((due.application, due.level, each), float(due.state == each))
        for due in found.dues
        for each in get_args(DueState)
    ]
    yield _labelled("drp_due_state", "1: so it stands.", (*pair, "state"), states)
    missed = [((due.application, due.level), float(due.missed)) for due in dues]
    yield _labelled("drp_slots_missed_in_a_row", "Slots in a row that were not held.", pair, missed)
    waiting = [((due.application, due.level), float(bool(due.waits))) for due in dues]
    yield _labelled("drp_slot_waits", "1: a slot has come, and something holds it up.", pair, waiting)
    state = ScheduleState() if never_held(wiring) else wiring.register_to_read().state()
    keys = sorted({*wiring.site.schedule.policies, *state.policies, *state.counts})
    ended = [
        ((*key.split("/", 1), ending), float(state.counts.get(key, {}).get(ending, 0)))
        for key in keys
        for ending in get_args(Ending)
    ]
    yield _labelled("drp_slots_ended", "Slots that ever ended so.", (*pair, "ending"), ended)
    yield _one("drp_slots_open", "Slots that have come and have no end yet: orders that are open.", len(state.open))
    yield _one("drp_slots_late", "Open slots that nobody began in time.", len(found.late))
    yield _one("drp_policies", "Policies in force.", len(state.policies))
    silent = (found.now - found.silent_since).total_seconds() if found.silent_since is not None else 0.0
    yield _one("drp_scheduler_silent_seconds", "Since when the scheduler gives no sign; 0: it does.", silent)
    text = "1: drills are scheduled, and nobody ever looked at the schedule."
    yield _one("drp_schedule_unattended", text, float(found.unattended))


def _of_targets(site: Site) -> Iterator[Metric]:
    """Yield what could not be told: also when nothing else can be read."""
    known = recall(site.state_directory).listeners
    listeners = {name: known.get(name, Listener()) for name in site.monitoring.targets}
    rows = [((name,), float(listener.undelivered)) for name, listener in listeners.items()]
    yield _labelled("drp_alerts_undelivered", "What a target has not been told yet.", ("target",), rows)
    tries = [((name,), float(listener.tries)) for name, listener in listeners.items()]
    yield _labelled("drp_alert_tries", "Times in a row that a target took nothing.", ("target",), tries)


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _labelled(name: str, text: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family
