"""What the probe's answers mean: it says codes with data, since what runs inside a sandbox has no words of drp's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drp.domain.phrase import Phrase, count, fact, quoted, say

ON_ITS_OWN_LOOPBACK = say("caught by the egress recorder on the sandbox's own loopback")
NOT_OURS = say("drp put nothing there")
FOR_WRITING = say("mounted for writing")
UNSAID = fact("probe-did-not-say", "the probe did not say what is there")
_MEANS: Mapping[str, Callable[[str], Phrase]] = {
    "not-the-tripwire": lambda _: say("answered, but not by the tripwire"),
    "tripwire-answered": lambda _: say("the tripwire answered"),
    "number-of-another": lambda _: say("another process has that number here"),
    "tripwire-environment": lambda _: say("the tripwire's environment"),
    "tripwire-visible": lambda said: say("the tripwire's process is visible: {processes}", processes=said),
    "no-secret": lambda _: say("no readable environment holds the tripwire's secret"),
    "secret-of": lambda said: say("the tripwire's secret is in the environment of {processes}", processes=said),
    "no-reopening": lambda _: say("no descriptor of another process can be reopened"),
    "connected": lambda _: say("connected"),
    "echo-reply": lambda _: say("echo reply"),
    "only": lambda said: say("only {interfaces}", interfaces=said),
    "no-route": lambda _: say("no route"),
    "bound": lambda _: say("bound: this family is not covered by network namespaces"),
    "timeout": lambda _: say("timeout"),
}
_COUNTED: Mapping[str, Callable[[int], Phrase]] = {
    "read": lambda number: count("read {n} byte", "read {n} bytes", number),
    "read-secret": lambda number: count(
        "read {n} byte, the tripwire's secret", "read {n} bytes, the tripwire's secret", number
    ),
    "visible": lambda number: count(
        "{n} process visible, the tripwire's is not among them",
        "{n} processes visible, the tripwire's is not among them",
        number,
    ),
}


def meaning(detail: str) -> Phrase:
    """Return what a probe's answer says: ``code`` or ``code=data``; other words are quoted (``ECONNREFUSED``)."""
    code, _, said = detail.partition("=")
    if code in _COUNTED and said.isascii() and said.isdigit() and len(said) < 10:
        return _COUNTED[code](int(said))
    return _MEANS[code](said) if code in _MEANS else quoted(detail)
