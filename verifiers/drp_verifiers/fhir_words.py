"""Words for what the program inside says of a FHIR server: it says codes and data."""

from __future__ import annotations

from drp.domain.phrase import Phrase, Size, fact, quoted
from drp_verifiers.failures import failure


def said(told: object) -> Phrase:
    """Return the words for one thing that it said."""
    match told:
        case ["xml"]:
            return fact("fhir-in-xml", "it answers in XML, and JSON is what can be read here")
        case ["too-large", int(size)]:
            return fact("answer-too-large", "the answer is larger than {size}", size=Size(size))
        case ["next-page-elsewhere", str(place)]:
            return fact(
                "next-page-elsewhere",
                "the next page lies elsewhere, at {place}: declare its address as production_base",
                place=place,
            )
        case ["undeclared"]:
            return fact("not-in-its-capability", "not in its capability")
        case ["status", status]:
            return fact("http-status", "status {status}", status=str(status))
        case ["answered-with", str(kind)]:
            return fact("answered-with-kind", "answered with {kind}", kind=kind)
        case ["another"]:
            return fact("answered-with-another", "answered with another one")
        case [str(code), *data]:
            return _of_a_search(code, data) or _of_a_reference(code, data) or failure(told)
        case _:
            return failure(told)


def _of_a_search(code: str, data: list[object]) -> Phrase | None:
    match code, data:
        case "search-fails", []:
            return fact("search-fails", "the search fails")
        case "says-and-counted", [None, int(number)]:
            return fact("says-nothing-and-counted", "it says nothing, and {number} were counted", number=number)
        case "says-and-counted", [int(total), int(number)]:
            return fact("says-and-counted", "it says {total}, and {number} were counted", total=total, number=number)
        case "none-given", [int(number)]:
            return fact("none-of-them-given", "none of {number} was given", number=number)
        case "server-tells", [str(error)]:
            return fact("server-tells-of-error", "the server tells of an error: {error}", error=error)
        case "not-asked-for", []:
            return fact("kind-not-asked-for", "it was not asked for")
    return None


def _of_a_reference(code: str, data: list[object]) -> Phrase | None:
    match code, data:
        case "no-text", []:
            return fact("reference-no-text", "no text")
        case "large-resource", []:
            return fact("references-of-large", "those of a resource too large to be read whole")
        case "form", [str(form)]:
            return quoted(form)
        case "conditional", [str(kind)]:
            return fact("reference-conditional", "conditional {kind}?…", kind=kind)
        case "odd-id", []:
            return fact("reference-odd-id", "an id that FHIR does not allow, and that is not found")
        case "another-form", []:
            return fact("reference-another-form", "another form")
        case "empty", []:
            return fact("reference-empty", "an empty text")
        case "others", []:
            return fact("references-others", "others")
    return None


def of_a_kind(told: object) -> Phrase:
    """Return what was said of one kind of resource, or of one resource."""
    match told:
        case [str(name), list(inner)]:
            return fact("said-of-one", "{name}: {why}", name=name[:200], why=said(inner))
        case _:
            return said(told)
