"""The step after a tick and after a drill: tells people, pings, sends spans. It judges nothing and fails nothing.

Whoever calls hears in lines what could not be told; no drill waits longer than the one deadline, and none fails by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from drp.config.monitoring import Target
from drp.config.secrets import resolve
from drp.config.site import Site
from drp.domain.alerts import Cause
from drp.domain.phrase import own_words, say
from drp.domain.restore import SecretReference
from drp.domain.telling import Listener, News, listen, news, only, refused, took
from drp.errors import Busy, DrpError, NotReadable
from drp.monitoring.aftermath import pings_of, spans_of_drill
from drp.monitoring.outbox import Answer, Parcel, send
from drp.monitoring.pings import ping_url
from drp.monitoring.situation import Seen, look
from drp.redact import redact, redacted
from drp.service.overview import Overview
from drp.service.overview import overview as look_over
from drp.service.told import Memory, one_teller, recall, remember_told
from drp.service.wiring import Wiring

_SECRET_SECONDS = 10.0
_PING_SECONDS = 10.0
"""What is sent at each tick may not hold up the next one."""
_SITE = "ping"
_TRACES = "traces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of it."""

    told: tuple[str, ...] = ()
    """Targets that took a message."""
    untold: Mapping[str, str] = field(default_factory=dict)
    """Target → why it took none."""
    trouble: str = ""
    """Why nobody could be told, or why what was told could not be written down."""
    notices: tuple[str, ...] = ()
    """Lines for who follows: what could not be sent, each once as long as it lasts."""


def tell(wiring: Wiring, overview: Overview | DrpError, drill: str | None = None) -> Told:
    """Tell everybody what there is to tell, of the site, and of a drill that is sealed. Raises nothing.

    ``overview`` may be the error for which there is none. It takes the site's deadline, and what its secrets take.
    """
    wanted = wiring.site.monitoring
    if not (wanted.targets or wanted.ping or wanted.policy_pings or wanted.traces):
        return Told()
    try:
        with one_teller(wiring.site.state_directory):
            return _tell(wiring, overview, drill)
    except Busy:
        return Told()
    except DrpError as error:
        return Told(trouble=error.message, notices=(say("nobody could be told: {why}", why=own_words(error.message)),))
    except Exception as error:  # noqa: BLE001 - a mistake in here must not become a drill's
        why = redact(f"{type(error).__name__}: {error}")
        return Told(trouble=why, notices=(say("nobody could be told, by a mistake in drp: {why}", why=why),))


def tell_now(wiring: Wiring, drill: str | None = None) -> Told:
    """Look at the site and tell everybody, as `tell` does. Raises nothing."""
    found: Overview | DrpError
    try:
        found = look_over(wiring, notes=True)
    except DrpError as error:
        found = error
    except OSError as error:  # whatever the system refuses: nobody can tell how the site stands
        found = NotReadable(f"{error.filename or 'the system'}: {error.strerror or error}")
    return tell(wiring, found, drill)


def started(wiring: Wiring, policies: tuple[str, ...] = ()) -> None:
    """Ping that a tick begins, or a drill for some policies. Nobody waits for an answer longer than the deadline."""
    wanted = wiring.site.monitoring
    if policies:
        urls = {key: wanted.policy_pings[key] for key in policies if key in wanted.policy_pings}
    else:
        urls = {"": wanted.ping} if wanted.ping is not None else {}
    box = _Box()
    for key, reference in urls.items():
        box.ping(f"{_SITE}:{key}", reference, "start")
    box.send(_PING_SECONDS)


def try_out(site: Site, targets: Sequence[str]) -> tuple[Answer, ...]:
    """Send a message that is marked as a test to targets, and return what each answered. Raises nothing."""
    from drp.monitoring.message import trial_message

    box = _Box()
    for name in targets:
        target = site.monitoring.targets[name]
        made = trial_message(site.name, target.language)
        box.add(Parcel(name=name, kind="message", url="", title=made.title, body=made.body), target.url)
    return box.send(site.monitoring.deadline.total_seconds())


def _tell(wiring: Wiring, overview: Overview | DrpError, drill: str | None) -> Told:
    site, wanted = wiring.site, wiring.site.monitoring
    memory, box = recall(site.state_directory), _Box()
    seen = look(wiring, overview, [one.cause for each in memory.listeners.values() for one in each.heard.values()])
    listeners = {name: _listening(memory, target, seen) for name, target in wanted.targets.items()}
    told = {name: news(each, seen.now, wanted.remind_every) for name, each in listeners.items()}
    for name, target in wanted.targets.items():
        if told[name] and listeners[name].may_be_tried(seen.now):
            box.message(wiring, target, told[name])
    owed = {**memory.owed, **(pings_of(wiring, drill) if drill is not None else {})}
    if wanted.ping is not None:
        box.ping(_SITE, wanted.ping, "fail" if isinstance(overview, DrpError) else "", _counted(seen))
    for key, sign in owed.items():
        if key in wanted.policy_pings:
            box.ping(f"{_SITE}:{key}", wanted.policy_pings[key], sign)
    if wanted.traces is not None and drill is not None:
        box.spans(wanted.traces, wiring, drill)
    answers = {one.name: one for one in box.send(wanted.deadline.total_seconds())}
    for name, listener in listeners.items():
        if (answer := answers.get(f"to:{name}")) is not None:
            taken = took(listener, told[name], seen.now)
            listeners[name] = taken if answer.taken else refused(listener, answer.said, seen.now)
    others = {name: one for name, one in answers.items() if not name.startswith("to:")}
    silent = {name: one.said for name, one in others.items() if not one.taken}
    still = {name: why for name, why in memory.silent.items() if name not in others and name == _TRACES}
    after = Memory(
        listeners=listeners,
        silent={**still, **silent},
        owed={key: sign for key, sign in owed.items() if f"{_SITE}:{key}" in silent},
    )
    told_all = _said(answers, memory, after, box)
    try:
        if after != memory:
            remember_told(site.state_directory, after)
    except DrpError as error:
        line = say("what was told could not be written down: {why}", why=own_words(error.message))
        return replace(told_all, trouble=error.message, notices=(*told_all.notices, line))
    return told_all


def _listening(memory: Memory, target: Target, seen: Seen) -> Listener:
    def concerned(cause: Cause) -> bool:
        return cause.concerns(target.applications, target.from_level)

    known = only(memory.listeners.get(target.name, Listener()), concerned)
    return listen(known, filter(concerned, seen.causes), seen.now, complete=seen.complete)


def _counted(seen: Seen) -> str:
    critical = sum(cause.gravity == "critical" for cause in seen.causes)
    return f"{critical} critical, {len(seen.causes) - critical} warning"


def _said(answers: Mapping[str, Answer], before: Memory, after: Memory, box: _Box) -> Told:
    """Return what came of it; what could not be sent is said when that begins, not at every tick."""
    lines = list(box.notices)
    for name, listener in after.listeners.items():
        known = before.listeners.get(name, Listener())
        if listener.tries and not known.tries:
            lines.append(say("{target} could not be told: {why}", target=name, why=listener.refused))
    lines += [
        say("{target} was not taken: {why}", target=name, why=why)
        for name, why in after.silent.items()
        if name not in before.silent
    ]
    to = {name.removeprefix("to:"): one for name, one in answers.items() if name.startswith("to:")}
    return Told(
        told=tuple(name for name, one in to.items() if one.taken),
        untold={name: one.said for name, one in to.items() if not one.taken},
        notices=tuple(lines),
    )


class _Box:
    """What is to be sent, and what cannot be because its secret is not there."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.failed: list[Answer] = []
        self.notices: list[str] = []

    def send(self, seconds: float) -> tuple[Answer, ...]:
        """Send all of it, within so many seconds; less where it is pings alone. Return what became of each."""
        slow = any(parcel.kind != "ping" for parcel in self.parcels)
        return (*send(self.parcels, seconds if slow else min(seconds, _PING_SECONDS)), *self.failed)

    def message(self, wiring: Wiring, target: Target, told: News) -> None:
        from drp.monitoring.message import compose  # a worker that tells nobody is spared its templates and languages

        site = wiring.site
        made = compose(site.name, site.directory, told, target.language)
        if made.trouble:
            self.notices.append(made.trouble)
        parcel = Parcel(
            name=f"to:{target.name}",
            kind="message",
            url="",
            title=made.title,
            body=made.body,
            gravity=made.gravity or "info",
        )
        self.add(parcel, target.url)

    def ping(self, name: str, reference: SecretReference, sign: str, body: str = "") -> None:
        self.add(Parcel(name=name, kind="ping", url="", body=body), reference, sign)

    def spans(self, reference: SecretReference, wiring: Wiring, drill: str) -> None:
        if spans := spans_of_drill(wiring, drill):
            self.add(Parcel(name=_TRACES, kind="spans", url="", spans=spans), reference)

    def add(self, parcel: Parcel, reference: SecretReference, sign: str | None = None) -> None:
        try:
            url = resolve(reference, command_seconds=_SECRET_SECONDS)
        except DrpError as error:
            self.failed.append(Answer(name=parcel.name, taken=False, said=redacted(error.message)))
            return
        self.parcels.append(replace(parcel, url=url if sign is None else ping_url(url, sign)))
