"""Code that came out of a backup: named with its digest, because whatever it answers is said by the restored system.

Pure. A plugin, a module, a trigger or a function that was not there, or was another one, when the application last
passed is told in every drill until somebody accepts it: an intruder's own code comes back with the backup too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drp.domain.findings.finding import Finding
from drp.domain.findings.witness import CODE_CHANGED, CODE_FIRST_SEEN
from drp.domain.phrase import Phrase, fact
from drp.domain.terms import listed, others

MOST = 5000
_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredCode:
    """One piece of code of a backup."""

    name: str
    """What it is and where: ``function public.tidy()``, ``Lua scripts/route.lua``."""
    digest: str
    """``algorithm:hex`` over its text or bytes."""
    check: str = ""
    """Which check named it; whoever runs the check fills it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedCode:
    """Somebody says that a piece of code, as it is now, is production's own."""

    what: str
    digest: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeChange:
    """A piece of code that is new, or another one, and that nobody has accepted."""

    check: str
    name: str
    was: str
    """Its digest before; empty: there was none."""
    now: str
    since: str
    """The drill that saw what was before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBefore:
    """The code that a drill saw in which the application passed."""

    drill: str
    code: tuple[RestoredCode, ...]
    checks: tuple[str, ...]
    """Checks that named what they met: code of others was there or not, and nobody knows."""
    changes: tuple[CodeChange, ...] = ()
    """What had changed then already, and was not accepted: trying again makes nothing known."""

    @property
    def remembered(self) -> dict[tuple[str, str], dict[str, str]]:
        """Return the digests that go by a name, as they were when they were last known, each with who saw it.

        Several pieces may have one name, as a procedure and a function may. Of what was new then already, the empty
        digest is remembered, with the drill that had none.
        """
        unknown = {(one.check, one.name, one.now) for one in self.changes}
        seen: dict[tuple[str, str], dict[str, str]] = {}
        for one in self.code:
            if (one.check, one.name, one.digest) not in unknown:
                seen.setdefault((one.check, one.name), {})[one.digest] = self.drill
        for change in self.changes:
            seen.setdefault((change.check, change.name), {}).setdefault(change.was, change.since)
        return seen


def changes(
    before: CodeBefore | None, code: Sequence[RestoredCode], accepted: Sequence[AcceptedCode]
) -> tuple[CodeChange, ...]:
    """Return what is new or another one since an earlier drill, but for what is accepted; nothing without one."""
    if before is None:
        return ()
    known, accepts = before.remembered, {(one.what, one.digest) for one in accepted}
    found = []
    for one in (each for each in code if each.check in before.checks):
        digests = known.get((one.check, one.name), {"": before.drill})
        if one.digest not in digests and (one.name, one.digest) not in accepts:
            was, since = next(iter(digests.items()))
            found.append(CodeChange(check=one.check, name=one.name, was=was, now=one.digest, since=since))
    return tuple(found)


def seen_first(before: CodeBefore | None, checks: Sequence[str]) -> tuple[str, ...]:
    """Return the checks whose code there is nothing to compare with: of a new check, or of an older drp."""
    return tuple(check for check in checks if before is None or check not in before.checks)


def findings_of(code: Sequence[RestoredCode], found: Sequence[CodeChange], first: Sequence[str]) -> list[Finding]:
    """Return what is to be said of restored code: what is seen for the first time, and what changed."""
    unknown = [one for one in code if one.check in first]
    observed = fact("code-met", "{n}: {names}", n=len(unknown), names=listed([one.name for one in unknown[:_NAMED]]))
    told = CODE_FIRST_SEEN.finding(
        subject=fact("restored-code", "restored code"), observed=observed, expected=fact("known-code", "known code")
    )
    return [*([told] if unknown else []), *_told(found)]


def _told(found: Sequence[CodeChange]) -> Iterator[Finding]:
    for one in found[:_NAMED]:
        observed = (
            fact("code-changed", "changed: {digest}", digest=one.now)
            if one.was
            else fact("code-new", "new: {digest}", digest=one.now)
        )
        line = f"`accepted_code: [{{what: {one.name!r}, digest: {one.now!r}, by: …, reason: …}}]`"
        yield CODE_CHANGED.finding(
            subject=one.name,
            observed=observed,
            expected=fact(
                "code-as-in-drill",
                "{was}, as in drill {since}",
                was=one.was or fact("no-such-code", "no such code"),
                since=one.since,
            ),
            remedy=fact(
                "if-production-s-own",
                "{remedy}; if it is production's own: {line}",
                remedy=Phrase(CODE_CHANGED.remedy),
                line=line,
            ),
        )
    if len(found) > _NAMED:
        yield CODE_CHANGED.finding(
            subject=others(len(found) - _NAMED),
            observed=fact("new-or-changed", "new or changed"),
            expected=fact("as-earlier-drill", "as in an earlier drill"),
        )
