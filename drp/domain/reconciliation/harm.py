"""What would happen to patients if the applications were opened as they were restored, in the order of harm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from drp.domain.reconciliation.collected import Collected, Keys, number_in
from drp.domain.reconciliation.dangling import Apart
from drp.domain.reconciliation.declaration import FieldOf, Identifier, Reconciliation, Reference
from drp.domain.reconciliation.digests import shown_digest
from drp.domain.reconciliation.joined import Joined
from drp.domain.reconciliation.packed import PARTS
from drp.domain.reconciliation.result import Harm, HarmKind, IdentifierResult, ReferenceResult

_ORDER: tuple[HarmKind, ...] = ("number-reissued", "patient-mismatch", "orphaned", "enter-again")


class Judged(Protocol):
    """A reference as the judge has it."""

    @property
    def reference(self) -> Reference:
        """Return what was declared."""
        ...

    @property
    def result(self) -> ReferenceResult:
        """Return what is told."""
        ...

    @property
    def ways(self) -> list[Apart]:
        """Return what dangles each way."""
        ...

    @property
    def joined(self) -> Joined:
        """Return what both sides came to."""
        ...


def harm_of(
    declaration: Reconciliation,
    collected: Mapping[str, Collected],
    judged: Sequence[Judged],
    identifiers: Sequence[IdentifierResult],
) -> tuple[Harm, ...]:
    """Return all of it."""
    found = [*_numbers(declaration, collected, identifiers)]
    for each in judged:
        found += _mismatches(declaration, each)
        found += _lost(each)
    return tuple(sorted(found, key=lambda harm: (_ORDER.index(harm.kind), not harm.recent)))


def _numbers(
    declaration: Reconciliation, collected: Mapping[str, Collected], identifiers: Sequence[IdentifierResult]
) -> Iterator[Harm]:
    for declared, result in zip(declaration.identifiers, identifiers, strict=True):
        if result.reissued:
            yield Harm(
                kind="number-reissued",
                application=result.application,
                reference=result.name,
                count=result.reissued,
                listed=result.listed,
                patients=_whose(declaration, collected, declared, result),
            )


def _whose(
    declaration: Reconciliation, collected: Mapping[str, Collected], identifier: Identifier, result: IdentifierResult
) -> tuple[str, ...]:
    """Return whose the listed numbers are now, where a reference says which field tells the patient."""
    wanted = {number_in(text, identifier): at for at, text in enumerate(result.listed)}
    found: list[set[str]] = [set() for _ in result.listed]
    for keys in _keys_of(declaration, collected, identifier.used_in):
        for part in range(PARTS):
            for key, belongs in keys.rows.side(part).belongs.items():
                number = number_in(key, identifier)
                if number is not None and number in wanted:
                    found[wanted[number]].add("+".join(map(shown_digest, belongs)))
    return tuple(" / ".join(sorted(each)) for each in found) if any(found) else ()


def _keys_of(
    declaration: Reconciliation, collected: Mapping[str, Collected], places: Sequence[FieldOf]
) -> Iterator[Keys]:
    seen: set[FieldOf] = set()
    for reference in declaration.references if any(each.same for each in declaration.references) else ():
        for place, end in ((reference.source, "source"), (reference.target, "target")):
            if reference.same and place in places and place not in seen:
                seen.add(place)
                yield collected[place.records].keys[reference.name, end]


def _mismatches(declaration: Reconciliation, each: Judged) -> Iterator[Harm]:
    result = each.result
    if result.mismatched:
        yield Harm(
            kind="patient-mismatch",
            application=declaration.application_of(each.reference.source),
            reference=result.name,
            count=result.mismatched,
            listed=tuple(text.partition(": ")[0] for text in result.mismatches),
            patients=tuple(whose for _, _, whose in each.joined.mismatches),
        )


def _lost(each: Judged) -> Iterator[Harm]:
    """Yield records that lead nowhere, and what has to be entered again so that they do not."""
    for at, (way, parts) in enumerate(zip(each.result.ways, each.ways, strict=True)):
        for part in way.kinds:
            if part.kind == "strange":
                continue  # nobody knows whether they are lost
            kinds: list[tuple[HarmKind, str]] = [("orphaned", way.holder)] if at == 0 else []
            kinds += [("enter-again", way.lacking)] if part.kind == "recent" else []
            for kind, application in kinds:
                yield Harm(
                    kind=kind,
                    application=application,
                    reference=each.result.name,
                    count=part.count,
                    listed=part.listed,
                    patients=parts.patients(part.kind),
                    recent=part.kind == "recent",
                )
