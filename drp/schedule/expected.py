"""How long the drill of a policy is expected to take: as the policy says, else as its history does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from drp.domain.journal import History
from drp.domain.schedule.expected import LOOKED_AT, expected_of
from drp.domain.schedule.policy import Policy


def expected(history: History, policy: Policy, plan: str = "") -> timedelta:
    """Return how long a drill of the policy takes, waits for people and media left out.

    ``plan`` is the name of the plan that is held, empty: the policy's. Where no whole drill of that plan was held, any
    of the application at this level counts: with others beside it, it takes no less. A constant number of rows is read.
    """
    return _told(policy, plan, history.durations_of(_asked(policy, plan), LOOKED_AT))


class ExpectedOfAll:
    """The same for every policy of a site, whose history is asked once, as soon as one of them is asked for."""

    def __init__(self, history: History, policies: Iterable[Policy]) -> None:
        """Take the history and the policies; nothing is read yet."""
        self._history, self._policies = history, tuple(policies)
        self._known: Mapping[tuple[str, str, str], tuple[int, ...]] | None = None

    def __call__(self, policy: Policy) -> timedelta:
        """Return how long a drill of one of the policies takes, as the history was when one was first asked for."""
        if policy.expected is not None:
            return policy.expected
        if self._known is None:
            asked = (kind for each in self._policies for kind in _asked(each, ""))
            self._known = self._history.durations_of(asked, LOOKED_AT)
        return _told(policy, "", self._known)


def _asked(policy: Policy, plan: str) -> tuple[tuple[str, str, str], ...]:
    """Return what the history is asked for a policy: of its plan, and of any."""
    if policy.expected is not None:
        return ()
    return tuple((policy.application, policy.level, name) for name in dict.fromkeys((plan or policy.plan, "")))


def _told(policy: Policy, plan: str, known: Mapping[tuple[str, str, str], tuple[int, ...]]) -> timedelta:
    """Return what the policy says, else what is known of its plan, else of any."""
    if policy.expected is not None:
        return policy.expected
    return expected_of(next((known[kind] for kind in _asked(policy, plan) if known[kind]), ()))
