"""Judges whose the stored images are: what each file says of itself beside what Orthanc's index says of it.

A PACS answers with its index. Two patients swapped there are two patients with each other's images, every digest sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import Phrase, fact, joined, quoted, say, several
from drp_verifiers.inside import number_of, texts_of
from drp_verifiers.statements import failed, judged, undetermined

_NAMED = 5
_TAGS = {
    "patient": say("patient"),
    "study": say("study"),
    "series": say("series of one study"),
    "instance": say("instance"),
    "accession": say("accession number"),
    "name": say("name"),
    "birth": say("birth date"),
    "patient of study": say("patient of the study"),
    "name of study": say("name of the study's patient"),
    "birth of study": say("birth date of the study's patient"),
    "public identifier": say("public identifier"),
}
"""What the tags are called that the program inside compares."""
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
        observed=fact("lookups-differ-for", "differs for {named}", named=several(wrong[:_NAMED]))
        if wrong
        else fact("lookups-the-same", "the same"),
        basis="content",
    )
    bare = texts_of(data, "imageless")
    yield judged(
        "index-images",
        fact("every-instance-index-has", "every instance of the index has an image"),
        holds=not bare,
        observed=fact("images-none-for", "none for {named}", named=several(bare[:_NAMED]))
        if bare
        else fact("images-all-have", "all have"),
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
    expected = fact("identities-all-same", "all the same")
    if other:
        observed = fact(
            "identities-not-the-same",
            "{number} of {all} are not: {named}",
            number=other,
            all=same + other + unclear + unread,
            named=_with_tags(found, "listed"),
        )
        return failed(check, _STATEMENT, observed=observed, expected=expected, basis="content")
    told = [fact("identities-the-same", "{number} are", number=same)]
    if unclear:
        told.append(
            fact("identities-unclear", "{number} are named in an alphabet that is not compared", number=unclear)
        )
    if unread:
        told.append(fact("identities-unread", "{number} cannot be read by drp", number=unread))
    observed = joined(told)
    if same and not unclear and not unread:
        return judged(check, _STATEMENT, holds=True, observed=observed, expected=expected, basis="content")
    return undetermined(check, _STATEMENT, observed=observed, expected=expected, basis="content")


def _with_tags(found: Mapping[str, object], key: str) -> Phrase:
    """Return the first resources of a list, each with the tags that differ."""
    value = found.get(key)
    told = []
    for each in value[:_NAMED] if isinstance(value, list) else ():
        match each:
            case [str(name), *tags]:
                told.append(say("{name}: {tags}", name=name[:64], tags=several([_words(tag) for tag in tags])))
    return joined(told)


def _words(tag: object) -> Phrase:
    """Return what a tag is called."""
    return _TAGS.get(str(tag)) or quoted(str(tag)[:40])


def _tags(found: Mapping[str, object]) -> CheckResult:
    check = "index-tags"
    statement = fact(
        "names-birth-dates-accession", "names, birth dates and accession numbers of the index are those of an image"
    )
    if swapped := _with_tags(found, "swapped"):
        observed = fact("tags-swapped", "swapped with another's: {named}", named=swapped)
        expected = fact("image-of-the-same", "an image of the same")
        return failed(check, statement, observed=observed, expected=expected, basis="content")
    if unlike := _with_tags(found, "unlike"):
        observed = fact(
            "tags-unlike-every-image",
            "unlike every image that is left, as when the first was deleted: {named}",
            named=unlike,
        )
        return undetermined(check, statement, observed=observed, basis="content")
    if not found or not number_of(found, "same"):
        observed = fact("no-image-could-compared", "no image could be compared")
        return undetermined(check, statement, observed=observed, basis="content")
    return judged(check, statement, holds=True, observed=fact("tags-all-are", "all are"), basis="content")
