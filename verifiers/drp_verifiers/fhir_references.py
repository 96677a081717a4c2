"""Judges what the resources of a FHIR server refer to: what was not followed is named, and never counts as sound."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.check import CheckResult
from drp.domain.phrase import Phrase, counted, fact, joined, several
from drp_verifiers.amounts import listed
from drp_verifiers.clinical import whole_numbers
from drp_verifiers.fhir_words import of_a_kind, said
from drp_verifiers.inside import number_of, texts_of
from drp_verifiers.statements import failed, passed, undetermined

CHECK = "references"
STATEMENT = fact("references-exist", "what resources literally refer to exists")
_NAMED = 6
_LISTED = 20


def judge_references(answered: object, read: int) -> CheckResult:
    """Return the result for what the program inside found."""
    found: Mapping[str, object] = answered if isinstance(answered, dict) else {}
    wanted, near, followed, asked = (number_of(found, key) for key in ("found", "near", "followed", "asked"))
    expected = counted(
        "references-lead-somewhere", "{n} reference leads somewhere", "{n} references lead somewhere", wanted
    )
    if wrong := _wrong(found, wanted):
        return failed(CHECK, STATEMENT, observed=joined(wrong), expected=expected)
    if not read:
        return undetermined(CHECK, STATEMENT, observed=fact("no-resource-read", "no resource was read"))
    contained, logical = number_of(found, "contained"), number_of(found, "logical")
    unjudged = _unjudged(found, followed, asked)
    if not unjudged and logical and not wanted + contained:
        unjudged = [fact("all-references-logical", "all {number} references are by identifier alone", number=logical)]
    if unjudged:
        return undetermined(CHECK, STATEMENT, observed=listed(unjudged, named=_NAMED), expected=expected)
    told = [
        fact(
            "references-followed",
            "{number} lead somewhere, {near} of them to what searches gave; {opened} resources were opened",
            number=wanted,
            near=near,
            opened=followed,
        )
    ]
    if contained:
        told.append(fact("references-contained", "{number} to what is contained", number=contained))
    if logical:
        told.append(fact("references-logical", "{number} by identifier alone: not judged", number=logical))
    told += [
        fact("references-external", "{number} to {place}, declared external: not judged", number=number, place=place)
        for place, number in _counted(found, "external")
    ]
    return passed(CHECK, STATEMENT, observed=listed(told, named=_NAMED), expected=expected)


def _wrong(found: Mapping[str, object], wanted: int) -> list[Phrase]:
    wrong = []
    if dangling := number_of(found, "dangling"):
        named = several(texts_of(found, "listed")[:_LISTED])
        wrong.append(
            fact("references-dangle", "{number} of {all} dangle: {named}", number=dangling, all=wanted, named=named)
        )
    if missed := number_of(found, "missed"):
        named = several(texts_of(found, "missing")[:_LISTED])
        wrong.append(
            fact("contained-missing", "{number} contained resources are missing: {named}", number=missed, named=named)
        )
    if broken := number_of(found, "broken"):
        value = found.get("named")
        told = listed(
            [of_a_kind(each) for each in (value if isinstance(value, list) else ())], named=_NAMED, between=", "
        )
        wrong.append(
            fact("resources-not-shown", "{number} cannot be shown by the server: {named}", number=broken, named=told)
        )
    return wrong


def _unjudged(found: Mapping[str, object], followed: int, asked: int) -> list[Phrase]:
    """Return what could not be judged, most telling first, and what the site can do about it."""
    told = [
        fact(
            "references-elsewhere",
            "{number} lead to {place}: declare it, as production_base or as external",
            number=number,
            place=place,
        )
        for place, number in _counted(found, "foreign")
    ]
    told += [
        fact("references-not-followed", "{number} cannot be followed: {form}", number=number, form=said(form))
        for form, number in _pairs(found, "unrecognised")
    ]
    unasked = _pairs(found, "unasked")
    told += [
        fact("references-unanswered", "{number} were not answered: {why}", number=number, why=said(why))
        for why, number in unasked
    ]
    tried = followed + sum(number for _, number in unasked)
    if tried < asked:
        told.append(
            fact(
                "references-not-all-asked",
                "{number} of {all} were asked for: raise most_references",
                number=tried,
                all=asked,
            )
        )
    return told


def _counted(found: Mapping[str, object], key: str) -> list[tuple[str, int]]:
    return sorted(whole_numbers(found.get(key)).items(), key=lambda item: (-item[1], item[0]))


def _pairs(found: Mapping[str, object], key: str) -> list[tuple[object, int]]:
    """Return what was said and of how many, most of all first."""
    value = found.get(key)
    pairs = [(each[0], each[1]) for each in value if _is_pair(each)] if isinstance(value, list) else []
    return sorted(pairs, key=lambda pair: (-pair[1], str(pair[0])))


def _is_pair(each: object) -> bool:
    return isinstance(each, list) and len(each) == 2 and isinstance(each[1], int)
