"""Judges whose the stored images are: what each file says of itself beside what Orthanc's index says of it.

A PACS answers with its index. Two patients swapped there are two patients with each other's images, every digest sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp_verifiers.inside import number_of, texts_of
from drp_verifiers.statements import failed, judged, undetermined

_STATEMENT = "every stored image is of the patient, study, series and instance that the index says"


def identity(data: Mapping[str, object], *, lookups: bool) -> Iterator[CheckResult | NotJudged]:
    """Yield whose images are; ``lookups``: the index itself was read, and what it is searched by is judged too."""
    value = data.get("identities")
    found: Mapping[str, object] = value if isinstance(value, dict) else {}
    if not lookups and _gave_none(found):
        why = "the index was printed without identifiers: see `index_command`"
        yield NotJudged(part="whose the stored images are", why=why)
        return
    yield _images(found)
    yield _tags(found)
    if not lookups:
        return
    wrong = texts_of(data, "lookups")
    yield judged(
        "index-lookups",
        "what the index is searched by is what it shows",
        holds=not wrong,
        observed=f"differs for {', '.join(wrong[:5])}" if wrong else "the same",
        basis="content",
    )
    bare = texts_of(data, "imageless")
    yield judged(
        "index-images",
        "every instance of the index has an image",
        holds=not bare,
        observed=f"none for {', '.join(bare[:5])}" if bare else "all have",
        basis="counted",
    )


def _gave_none(found: Mapping[str, object]) -> bool:
    """Return whether a command printed the index without identifiers: a limit of the plan, not of the backup."""
    return bool(found) and not any(number_of(found, key) for key in ("same", "other", "unclear", "unread"))


def _images(found: Mapping[str, object]) -> CheckResult:
    check = "index-identities"
    if not found:
        return undetermined(check, _STATEMENT, observed="nobody looked", basis="content")
    same, other, unclear, unread = (number_of(found, key) for key in ("same", "other", "unclear", "unread"))
    expected = "all the same"
    if other:
        named = "; ".join(texts_of(found, "listed")[:5])
        observed = f"{other} of {same + other + unclear + unread} are not: {named}"
        return failed(check, _STATEMENT, observed=observed, expected=expected, basis="content")
    observed = f"{same} are"
    if unclear:
        observed += f"; {unclear} are named in an alphabet that is not compared"
    if unread:
        observed += f"; {unread} cannot be read by drp"
    holds = bool(same) and not unclear and not unread
    return (
        judged(check, _STATEMENT, holds=True, observed=observed, expected=expected, basis="content")
        if holds
        else undetermined(check, _STATEMENT, observed=observed, expected=expected, basis="content")
    )


def _tags(found: Mapping[str, object]) -> CheckResult:
    check = "index-tags"
    statement = "names, birth dates and accession numbers of the index are those of an image"
    swapped, unlike = texts_of(found, "swapped"), texts_of(found, "unlike")
    if swapped:
        observed = f"swapped with another's: {'; '.join(swapped[:5])}"
        return failed(check, statement, observed=observed, expected="an image of the same", basis="content")
    if unlike:
        observed = f"unlike every image that is left, as when the first was deleted: {'; '.join(unlike[:5])}"
        return undetermined(check, statement, observed=observed, basis="content")
    if not found or not number_of(found, "same"):
        return undetermined(check, statement, observed="no image could be compared", basis="content")
    return judged(check, statement, holds=True, observed="all are", basis="content")
