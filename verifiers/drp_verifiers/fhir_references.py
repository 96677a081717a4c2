"""Judges what the resources of a FHIR server refer to: what was not followed is named, and never counts as sound."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.check import CheckResult
from drp.domain.phrase import fact
from drp_verifiers.clinical import whole_numbers
from drp_verifiers.inside import number_of, texts_of
from drp_verifiers.statements import failed, passed, undetermined

CHECK, STATEMENT = "references", "what resources literally refer to exists"
_LONGEST = 400


def judge_references(answered: object, read: int) -> CheckResult:
    """Return the result for what the program inside found."""
    found: Mapping[str, object] = answered if isinstance(answered, dict) else {}
    wanted, near, followed, asked = (number_of(found, key) for key in ("found", "near", "followed", "asked"))
    expected = fact("references-lead-somewhere", "{wanted} references lead somewhere", wanted=wanted)
    if wrong := _wrong(found, wanted):
        return failed(CHECK, STATEMENT, observed="; ".join(wrong), expected=expected)
    if not read:
        return undetermined(CHECK, STATEMENT, observed=fact("no-resource-read", "no resource was read"))
    contained, logical = number_of(found, "contained"), number_of(found, "logical")
    told = [f"{wanted} lead somewhere, {near} of them to what searches gave; {followed} resources were opened"]
    told += [f"{contained} to what is contained"] if contained else []
    told += [f"{logical} by identifier alone: not judged"] if logical else []
    told += [f"{number} to {place}, declared external: not judged" for place, number in _counted(found, "external")]
    unjudged = _unjudged(found, followed, asked)
    if not unjudged and logical and not wanted + contained:
        unjudged = [f"all {logical} references are by identifier alone"]
    if unjudged:
        return undetermined(CHECK, STATEMENT, observed="; ".join(unjudged)[:_LONGEST], expected=expected)
    return passed(CHECK, STATEMENT, observed="; ".join(told)[:_LONGEST], expected=expected)


def _wrong(found: Mapping[str, object], wanted: int) -> list[str]:
    wrong = []
    if dangling := number_of(found, "dangling"):
        wrong.append(f"{dangling} of {wanted} dangle: {', '.join(texts_of(found, 'listed'))}"[:_LONGEST])
    if missed := number_of(found, "missed"):
        wrong.append(f"{missed} contained resources are missing: {', '.join(texts_of(found, 'missing'))}"[:_LONGEST])
    if broken := number_of(found, "broken"):
        wrong.append(f"{broken} cannot be shown by the server: {', '.join(texts_of(found, 'named'))}"[:_LONGEST])
    return wrong


def _unjudged(found: Mapping[str, object], followed: int, asked: int) -> list[str]:
    """Return what could not be judged, most telling first, and what the site can do about it."""
    told = [
        f"{number} lead to {place}: declare it, as production_base or as external"
        for place, number in _counted(found, "foreign")
    ]
    told += [f"{number} cannot be followed: {form}" for form, number in _counted(found, "unrecognised")]
    told += [f"{number} were not answered: {reason}" for reason, number in _counted(found, "unasked")]
    silent = sum(number for _, number in _counted(found, "unasked"))
    if followed + silent < asked:
        told.append(f"{followed + silent} of {asked} were asked for: raise most_references")
    return told


def _counted(found: Mapping[str, object], key: str) -> list[tuple[str, int]]:
    return sorted(whole_numbers(found.get(key)).items(), key=lambda item: (-item[1], item[0]))
