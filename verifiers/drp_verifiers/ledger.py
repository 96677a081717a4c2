"""The ``ledger`` verifier: which writes that users were told are safe did not come back.

The ground truth is a log of acknowledged writes that is kept outside of the application (an interface engine's, for
instance), and that the application's file names as ``ground_truth``. What was acknowledged after the recovery point
is expected to be lost: it is counted and listed, and judged by the recovery point objective. What was acknowledged
before it and is not there fails: the backup did not hold what it promised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from drp.domain.check import CheckResult, Expectation, Loss, Target
from drp.domain.judged import Part
from drp.domain.phrase import Duration, Phrase, fact, joined, quoted, say, several
from drp.domain.reconciliation.normal_form import normal
from drp.domain.reconciliation.preparation import Normalisation
from drp_verifiers.acknowledged import Write, read_log
from drp_verifiers.statements import Trouble, judged, undetermined
from drp_verifiers.survivors import MariaDbSource, PostgresSource, survivors

_MOST_DIGITS = 64
_NAMED = 40
"""So many identifiers are listed; the count is always whole."""
_BEFORE = fact("writes-before-came-back", "every write that was acknowledged before the recovery point came back")
_SINCE = fact(
    "writes-since-counted", "what was acknowledged after the recovery point is counted, whether it came back or not"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdForm:
    """In which form the ids of a kind are compared, in the log and in the database alike. In this order."""

    strip: str = ""
    """Characters taken off both ends, beside blanks."""
    case: Literal["as-is", "upper", "lower"] = "as-is"
    """as-is: letters are compared as they are · upper or lower: as if all were."""
    prefix: tuple[str, ...] = ()
    """The first of these that it begins with is taken off."""
    zeros: Literal["as-is", "strip"] = "as-is"
    """strip: leading zeros are taken off."""
    pad: int = 0
    """An id of digits is filled up with leading zeros to so many."""

    def __post_init__(self) -> None:
        """Refuse what no id is filled up to."""
        if not 0 <= self.pad <= _MOST_DIGITS:
            raise ValueError(say("pad: say 0 to {most}", most=_MOST_DIGITS))


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerOptions:
    """Which writes are looked for, and where. Raises ValueError unless one source is named."""

    kinds: Mapping[str, str]
    """By kind of write: the query whose one column holds the ids that are there."""
    application: str = ""
    """Look at this application's lines of the log only; empty: at all."""
    postgres: PostgresSource | None = None
    """Where the application's PostgreSQL is asked."""
    mariadb: MariaDbSource | None = None
    """Where the application's MariaDB is asked."""
    sqlite: str = ""
    """File of the database; a copy is asked, since applications keep theirs locked."""
    clock_skew_seconds: float = 0.0
    """How far the log's clock may be behind the backup's: so much later, a write still counts as after it."""
    normalise: Mapping[str, IdForm] = field(default_factory=dict)
    """Kind of write → the form in which its ids are compared; blanks around an id never count."""

    def __post_init__(self) -> None:
        """Refuse options that ask nobody, or two."""
        if [self.postgres is not None, self.mariadb is not None, bool(self.sqlite)].count(True) != 1:
            raise ValueError("name one of postgres, mariadb, sqlite")
        if not self.kinds:
            raise ValueError("kinds: name at least one kind of write and its query")
        if strange := sorted(self.normalise.keys() - self.kinds.keys()):
            raise ValueError(say("normalise: there is no kind {kind}", kind=strange[0]))

    def form(self, kind: str, name: str) -> str:
        """Return the id of a kind in the form in which it is compared."""
        said = self.normalise.get(kind)
        if said is None:
            return name.strip()
        declared = Normalisation(
            strip=said.strip, case=said.case, remove_prefixes=said.prefix, zeros=said.zeros, pad_to=said.pad
        )
        return normal(name, declared)


class LedgerVerifier:
    """Compares the log of acknowledged writes with what the restored application's database holds."""

    name: ClassVar[str] = "ledger"
    Options: ClassVar[type] = LedgerOptions
    parts: ClassVar[tuple[Part, ...]] = (
        Part(
            name=say("acknowledged writes before the recovery point"),
            judged="counted",
            words=fact("before-recovery-point-each", "`before-recovery-point`: each id of the log is looked for"),
        ),
        Part(
            name=say("acknowledged writes after it"),
            judged="counted",
            words=fact("since-recovery-point-what", "`since-recovery-point`: what was lost, listed"),
        ),
        Part(
            name=say("acknowledged deletions"),
            judged="counted",
            words=fact(
                "what-deleted-before-recovery",
                "what was deleted before the recovery point and is there again fails; after it, it is counted",
            ),
        ),
        Part(
            name=say("content of what was written"),
            judged="not judged",
            words=fact("id-there-says-nothing", "an id that is there says nothing of what stands behind it"),
        ),
        Part(
            name=say("writes that the log does not name"),
            judged="not judged",
            words=fact("nobody-kept-truth-about", "nobody kept the truth about them"),
        ),
    )

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[CheckResult]:
        """Yield trouble with the log or with a query, then what is lost before and after the recovery point."""
        assert isinstance(options, LedgerOptions)
        try:
            writes = read_log(expectation.ground_truth, options.application, expectation.disaster_at, options.form)
        except ValueError as error:
            yield undetermined(
                "log",
                fact("log-acknowledged-writes-can", "the log of acknowledged writes can be read"),
                observed=error.args[0] if isinstance(error.args[0], Phrase) else quoted(str(error)),
            )
            return
        if strange := sorted({write.kind for write in writes} - options.kinds.keys()):
            observed = fact(
                "no-query-for", "no query for {kinds}", kinds=several(kind[:60] for kind in strange[:_NAMED])
            )
            yield undetermined(
                "kinds", fact("every-kind-write-log", "every kind of write in the log is looked for"), observed=observed
            )
        present: dict[str, set[str]] = {}
        for kind, answer in survivors(target, options, expectation):
            if isinstance(answer, Trouble):
                yield answer.result(
                    f"survivors {kind}",
                    fact("can-be-asked-for", "the application can be asked for each {kind}", kind=kind),
                )
            else:
                present[kind] = {options.form(kind, name) for name in answer}
        looked_for = [write for write in writes if write.kind in present]
        if not looked_for:
            observed = (
                fact("log-names-no", "the log names no {kinds}", kinds=several(present, " / "))
                if present
                else fact("nothing-could-asked", "nothing could be asked")
            )
            yield undetermined("before-recovery-point", _BEFORE, observed=observed)
            return
        border = expectation.consistent_at - timedelta(seconds=options.clock_skew_seconds)
        yield _before(looked_for, border, present)
        yield _since([write for write in looked_for if write.at > border], present, expectation.disaster_at)


def _before(writes: Sequence[Write], border: datetime, present: Mapping[str, set[str]]) -> CheckResult:
    """Judge what was acknowledged last of each id before the border; what was changed after it may be either way."""
    check = "before-recovery-point"
    last = {(write.kind, write.id): write for write in writes if write.at <= border}
    later = {(write.kind, write.id) for write in writes if write.at > border}
    written = [write for write in last.values() if not write.deletes]
    settled = [write for key, write in last.items() if key not in later]
    lost = [write for write in _undone(settled, present) if not write.deletes]
    back = [write for write in _undone(settled, present) if write.deletes]
    if not written:
        return undetermined(
            check, _BEFORE, observed=fact("log-begins-after-recovery", "the log begins after the recovery point")
        )
    observed = fact("writes-are-there", "{number} of {number} are there", number=len(written))
    if lost:
        observed = fact(
            "writes-are-lost",
            "{number} of {all} are lost: {named}",
            number=len(lost),
            all=len(written),
            named=_listed(lost),
        )
    if back:
        observed = fact(
            "deleted-writes-are-back",
            "{seen}; {number} that were deleted before it are there again: {named}",
            seen=observed,
            number=len(back),
            named=_listed(back),
        )
    return judged(
        check, _BEFORE, holds=not (lost or back), observed=observed, expected=fact("none-is-lost", "none is lost")
    )


def _since(writes: Sequence[Write], present: Mapping[str, set[str]], disaster_at: datetime) -> CheckResult:
    last = {(write.kind, write.id): write for write in writes}
    lost = sorted(_undone(list(last.values()), present), key=lambda write: write.at)
    observed = fact(
        "writes-since-lost",
        "{number} of {all} acknowledged writes since the recovery point are lost",
        number=len(lost),
        all=len(last),
    )
    if lost:
        observed = fact(
            "writes-since-lost-first",
            "{seen}, the first {before} before the disaster: {named}",
            seen=observed,
            before=Duration((disaster_at - lost[0].at) // timedelta(milliseconds=1)),
            named=_listed(lost),
        )
    return CheckResult(
        check="since-recovery-point",
        outcome="passed",
        statement=_SINCE,
        observed=observed,
        loss=Loss(
            acknowledged=len(last),
            lost=len(lost),
            first_at=lost[0].at if lost else None,
            named=tuple(f"{write.kind} {write.id}" for write in lost[:_NAMED]),
        ),
    )


def _undone(writes: Sequence[Write], present: Mapping[str, set[str]]) -> list[Write]:
    """Return the writes whose id is not there, and the deletions whose id is."""
    return [write for write in writes if (write.id in present[write.kind]) is write.deletes]


def _listed(lost: Sequence[Write]) -> Phrase:
    """Return identifiers kind by kind, and nothing else: observed values enter the evidence."""
    kinds: dict[str, list[str]] = {}
    for write in lost[:_NAMED]:
        kinds.setdefault(write.kind, []).append(write.id)
    named = joined([say("{kind} {ids}", kind=kind, ids=several(ids)) for kind, ids in kinds.items()])
    more = len(lost) - _NAMED
    return fact("writes-and-more", "{named}, and {more} more", named=named, more=more) if more > 0 else named
