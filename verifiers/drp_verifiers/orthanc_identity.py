"""Judges whose the stored images are: what each file says of itself beside what Orthanc's index says of it.

A PACS answers with its index. Two patients swapped there are two patients with each other's images, every digest sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import fact, say
from drp_verifiers.inside import number_of, texts_of
from drp_verifiers.statements import failed, judged, undetermined

_STATEMENT = fact(
    "every-stored-image-patient", "every stored image is of the patient, study, series and instance that the index says"
)


def identity(data: Mapping[str, object], *, lookups: bool) -> Iterator[CheckResult | NotJudged]:
    """Yield whose images are; ``lookups``: the index itself was read, and what it is searched by is judged too."""
    value = data.get("identities")
    found: Mapping[str, object] = value if isinstance(value, dict) else {}
    if not lookups and _gave_none(found):
        why = fact(
            "index-printed-without-identifiers", "the index was printed without identifiers: see `index_command`"
        )
        yield NotJudged(part=say("whose the stored images are"), why=why)
        return
    yield _images(found)
    yield _tags(found)
    if not lookups:
        return
    wrong = texts_of(data, "lookups")
    yield judged(
        "index-lookups",
        fact("what-index-searched-by", "what the index is searched by is what it shows"),
        holds=not wrong,
        observed=fact("differs-for", "differs for {wrong}", wrong=", ".join(wrong[:5]))
        if wrong
        else fact("same", "the same"),
        basis="content",
    )
    bare = texts_of(data, "imageless")
    yield judged(
        "index-images",
        fact("every-instance-index-has", "every instance of the index has an image"),
        holds=not bare,
        observed=fact("none-for", "none for {bare}", bare=", ".join(bare[:5]))
        if bare
        else fact("all-have", "all have"),
        basis="counted",
    )


def _gave_none(found: Mapping[str, object]) -> bool:
    """Return whether a command printed the index without identifiers: a limit of the plan, not of the backup."""
    return bool(found) and not any(number_of(found, key) for key in ("same", "other", "unclear", "unread"))


def _images(found: Mapping[str, object]) -> CheckResult:
    check = "index-identities"
    if not found:
        return undetermined(check, _STATEMENT, observed=fact("nobody-looked", "nobody looked"), basis="content")
    same, other, unclear, unread = (number_of(found, key) for key in ("same", "other", "unclear", "unread"))
    expected = fact("all-same", "all the same")
    if other:
        named = "; ".join(texts_of(found, "listed")[:5])
        observed = fact(
            "not", "{other} of {same} are not: {named}", other=other, same=same + other + unclear + unread, named=named
        )
        return failed(check, _STATEMENT, observed=observed, expected=expected, basis="content")
    observed = fact("are", "{same} are", same=same)
    if unclear:
        observed = observed.then(
            fact(
                "named-alphabet-not-compared",
                "; {unclear} are named in an alphabet that is not compared",
                unclear=unclear,
            )
        )
    if unread:
        observed = observed.then(fact("cannot-read-by-drp", "; {unread} cannot be read by drp", unread=unread))
    holds = bool(same) and not unclear and not unread
    return (
        judged(check, _STATEMENT, holds=True, observed=observed, expected=expected, basis="content")
        if holds
        else undetermined(check, _STATEMENT, observed=observed, expected=expected, basis="content")
    )


def _tags(found: Mapping[str, object]) -> CheckResult:
    check = "index-tags"
    statement = fact(
        "names-birth-dates-accession", "names, birth dates and accession numbers of the index are those of an image"
    )
    swapped, unlike = texts_of(found, "swapped"), texts_of(found, "unlike")
    if swapped:
        observed = fact("swapped-with-another-s", "swapped with another's: {swapped}", swapped="; ".join(swapped[:5]))
        return failed(
            check, statement, observed=observed, expected=fact("image-same", "an image of the same"), basis="content"
        )
    if unlike:
        observed = fact(
            "unlike-every-image-left",
            "unlike every image that is left, as when the first was deleted: {unlike}",
            unlike="; ".join(unlike[:5]),
        )
        return undetermined(check, statement, observed=observed, basis="content")
    if not found or not number_of(found, "same"):
        return undetermined(
            check, statement, observed=fact("no-image-could-compared", "no image could be compared"), basis="content"
        )
    return judged(check, statement, holds=True, observed=fact("orthanc-identity-all", "all are"), basis="content")
