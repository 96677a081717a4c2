"""Sentences about the schedule, in the reader's language: why something starts, waits or ends."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.phrase import Phrase, say
from drp.domain.schedule.decision import Decision
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.reasons import REASONS
from drp.reporting.i18n import language

_ACTIONS: Mapping[str, Phrase] = {"start": say("starts now"), "wait": say("waits")}
_ENDINGS: Mapping[str, Phrase] = {
    "held": say("was held"),
    "missed": say("ends as missed"),
    "superseded": say("ends as superseded"),
    "paused": say("ends as paused"),
    "blocked": say("ends as blocked"),
}
_EXPECTED = say("is expected")
_NONE = say("nothing is scheduled for it")
_BY_HAND = say("no drill is held by itself: its policy only says how old a success may be")
_ON_CHANGE = say("is held when something that was proven has changed")
_NOT_YET = say("nothing comes within a year")


class Sentences:
    """Says decisions in one language. Raises ``UsageError`` for one that there is none of."""

    def __init__(self, tag: str) -> None:
        """Take the language's tag."""
        self._language = language(tag)

    def of(self, decision: Decision) -> str:
        """Return what becomes of a slot, and why."""
        if decision.action == "end":
            head = _ENDINGS[str(decision.ending)]
        else:
            head = _EXPECTED if decision.reason == "before-its-time" else _ACTIONS[decision.action]
        values = {name: self._value(name, value) for name, value in decision.values.items()}
        why = self._language.gettext(REASONS.get(decision.reason, decision.reason)).format(**values)
        return f"{decision.slot.id} {self._said(head)}: {why}"

    def _value(self, name: str, value: str) -> str:
        return self._language.size(int(value)) if name.endswith("_bytes") else value

    def of_nothing(self, policy: Policy) -> str:
        """Return why no slot of a policy waits or is to come."""
        if policy.cron:
            return self._said(_NOT_YET)
        if policy.after:
            return self._language.plain(say("is held after the drill {plan} has passed", plan=policy.after))
        return self._said(_ON_CHANGE if policy.on_change else _BY_HAND)

    def of_none(self, exempt: str) -> str:
        """Return that an application has no policy; ``exempt``: why, if somebody said so."""
        why = say("nothing is scheduled for it: {reason}", reason=exempt) if exempt else _NONE
        return self._language.plain(why)

    def _said(self, phrase: Phrase) -> str:
        return self._language.gettext(phrase.message)
