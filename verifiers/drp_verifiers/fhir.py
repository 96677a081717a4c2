"""The ``fhir`` verifier: a FHIR server states its capability, counts resources, and their references lead somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer as Stated
from drp.domain.judged import NotJudged, Part
from drp.domain.phrase import Phrase, counted, fact, joined, say, several
from drp_verifiers.amounts import listed
from drp_verifiers.clinical import counted as counts_of
from drp_verifiers.clinical import facts_answer, inside, judge_counts, section, whole_numbers
from drp_verifiers.fhir_references import judge_references
from drp_verifiers.fhir_words import of_a_kind, said
from drp_verifiers.inside import ask, number_of, text_of, texts_of
from drp_verifiers.restored_code import code_of_command
from drp_verifiers.statements import failed, not_asked, passed, undetermined
from drp_verifiers.watermarks import Newest, judge, undated

_NOT_LET_IN = (301, 302, 303, 307, 308, 406, 415, 429, 503)
_LISTED = 40
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirOptions:
    """What may be said about a FHIR server. Raises ValueError for an address that is not http or https."""

    base: str
    """Base address inside the sandbox, such as ``http://127.0.0.1:8080/fhir``."""
    resources: tuple[str, ...] = ("Patient", "Observation", "ServiceRequest", "ImagingStudy")
    """Kinds of resources that are counted, and compared with the facts; empty: those that the facts name."""
    token_file: str = ""
    """File inside the sandbox with a bearer token; relative to the restored tree."""
    samples: int = 50
    """How many of the newest resources of each kind are read for their references."""
    most_references: int = 200
    """Follow at most so many references."""
    production_base: str | tuple[str, ...] = ()
    """Addresses of this server in production: references to them are followed on the restored one."""
    external: tuple[str, ...] = ()
    """Addresses of other servers that resources refer to: counted, and not judged."""
    last_updated: Newest | None = None
    """Take the newest ``meta.lastUpdated`` as the newest datum: only for servers that keep it through a restore."""
    seconds: float = 30.0
    """For each answer."""

    def __post_init__(self) -> None:
        """Refuse other schemes."""
        places = {"base": (self.base,), "production_base": self.production_bases, "external": self.external}
        for option, addresses in places.items():
            if not all(address.startswith(("http://", "https://")) for address in addresses):
                raise ValueError(say("{option}: must begin with http:// or https://", option=option))

    @property
    def production_bases(self) -> tuple[str, ...]:
        """Return all of them, also where there is one."""
        return (self.production_base,) if isinstance(self.production_base, str) else self.production_base


class FhirVerifier:
    """Asks a FHIR server from inside the sandbox."""

    name: ClassVar[str] = "fhir"
    Options: ClassVar[type] = FhirOptions
    parts: ClassVar[tuple[Part, ...]] = (
        Part(
            name=say("resources of the types in `resources`"),
            judged="counted",
            words=fact("search-counts-as-backup", "`search`, `counts`: as at backup time"),
        ),
        Part(
            name=say("what the newest of them refer to"),
            judged="observed",
            words=fact(
                "references-followed-as-far", "`references`: followed as far as `samples` and `most_references` go"
            ),
        ),
        Part(
            name=say("resources of other types"),
            judged="observed",
            words=fact(
                "not-counted-those-capabilitystatement",
                "not counted: those that its CapabilityStatement offers are *not judged*, by name, in each drill",
            ),
        ),
        Part(
            name=say("content of resources"),
            judged="not judged",
            words=fact("equal-counts-may-hide", "equal counts may hide other content: ask its database"),
        ),
        Part(
            name=say("earlier versions of resources"),
            judged="not judged",
            words=fact("opened-only-where-something", "opened only where something refers to one"),
        ),
        Part(
            name=say("search parameters, profiles, subscriptions, accounts of the server"),
            judged="not judged",
            words=fact("server-s-own-store", "the server's own store: ask its database"),
        ),
    )

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[Stated]:
        """Yield capability, search with counts, references and, if declared, the newest change."""
        assert isinstance(options, FhirOptions)
        yield from code_of_command(target, expectation)
        request = _request(options, expectation)
        answer = ask(target, "fhir_rest", request, timeout_seconds=expectation.timeout_seconds)
        statement = fact("server-states-capability", "{base} states its capability", base=options.base)
        if answer.trouble is not None:
            yield answer.trouble.result("capability", statement)
        elif (capability := _capability(answer.data, statement, options)).outcome == "passed":
            yield capability
            yield from _content(answer.data, options, expectation)
            yield from _uncounted(answer.data, options)
            return
        else:
            yield capability
        for check in ("search", "counts", "references", *(("newest",) if options.last_updated is not None else ())):
            needs = fact("needs-a-capability", "needs a server that states its capability")
            unseen = not_asked(check, needs, because="capability")
            yield undated(unseen) if check == "newest" else unseen

    def facts(self, target: Target, options: object, expectation: Expectation) -> dict[str, object]:
        """Return what a running server counts, for the manifest. Raises ValueError when it cannot be asked."""
        assert isinstance(options, FhirOptions)
        request = {**_request(options, expectation), "most": 0, "samples": 1}
        data = facts_answer(target, "fhir_rest", request, expectation)
        return {"fhir": {"counts": counts_of(data), "rule": "exact"}}


def _request(options: FhirOptions, expectation: Expectation) -> dict[str, object]:
    return {
        "base": options.base,
        "resources": options.resources,
        "production": options.production_bases,
        "external": options.external,
        "expected": whole_numbers(section(expectation, "fhir").get("counts")),
        "token_file": inside(options.token_file, expectation),
        "samples": options.samples,
        "most": options.most_references,
        "seconds": options.seconds,
        "time": expectation.timeout_seconds * 0.7,
    }


def _capability(data: Mapping[str, object], statement: Phrase, options: FhirOptions) -> CheckResult:
    """Return whether a server is there that says what it can do; undetermined: it is one that cannot be judged here."""
    kind, status = text_of(data, "kind"), data.get("status")
    expected = fact("status-200-with-capabilitystatement", "status 200 with a CapabilityStatement")
    if status == 200 and kind == "CapabilityStatement":
        version = fact("fhir-version", "FHIR {version}", version=text_of(data, "version")[:20])
        return passed("capability", statement, observed=version)
    late = data.get("late") is not None
    observed = (
        said(data.get("reason"))
        or said(data.get("late"))
        or fact("status-with-kind", "status {status} with {kind}", status=str(status), kind=kind or "-")
    )
    closed = status in {401, 403} and not options.token_file
    if closed:
        observed = fact("give-it-a-token-file", "{seen}: give it a token_file", seen=observed)
    if isinstance(status, int) and status in _NOT_LET_IN:
        observed = fact("lets-nobody-ask-here", "{seen}: it lets nobody ask here", seen=observed)
        closed = True
    if late or closed or (status == 200 and kind == "Conformance"):
        # a DSTU2 server is a server, but no release that this verifier knows
        return undetermined("capability", statement, observed=observed, expected=expected)
    return failed("capability", statement, observed=observed, expected=expected)


def _content(data: Mapping[str, object], options: FhirOptions, expectation: Expectation) -> Iterator[CheckResult]:
    facts = section(expectation, "fhir")
    counts, uncounted = whole_numbers(data.get("counts")), _said_by_kind(data, "uncounted")
    unserved = _said_by_kind(data, "unserved")
    yield _search(data, options, unserved, whole_numbers(facts.get("counts")))
    for kind in whole_numbers(facts.get("counts")):
        if kind not in counts and kind not in unserved:
            uncounted.setdefault(kind, said(["not-asked-for"]))
    statement = fact("server-counts-as-before", "the server counts what it held at backup time")
    yield judge_counts("counts", statement, counts, facts, uncounted=uncounted)
    yield judge_references(data.get("references"), number_of(data, "read"))
    if options.last_updated is not None:
        yield _newest(data, options, expectation)


def _uncounted(data: Mapping[str, object], options: FhirOptions) -> Iterator[NotJudged]:
    """Yield what the server serves and nobody counts, by name."""
    if not isinstance(data.get("served"), list):
        why = fact(
            "server-s-capabilitystatement-does", "the server's CapabilityStatement does not say which types it serves"
        )
        yield NotJudged(part=say("resources of other types than {types}", types=", ".join(options.resources)), why=why)
        return
    others = [kind[:60] for kind in texts_of(data, "served") if kind not in options.resources]
    for first in range(0, len(others), _LISTED):
        yield NotJudged(
            part=say("resources of type {types}", types=several(others[first : first + _LISTED])),
            why=fact("server-serves-them-resources", "the server serves them, and `resources` does not name them"),
        )


def _search(
    data: Mapping[str, object], options: FhirOptions, unserved: Mapping[str, Phrase], held: Mapping[str, int]
) -> CheckResult:
    types = several(options.resources)
    statement = fact("searches-give-bundles", "searches for {types} give bundles", types=types)
    expected = fact("a-bundle-each", "a bundle each")
    lost = [
        fact("kind-lost", "{kind} ({why}) is not served, and {number} were held", kind=kind, why=why, number=held[kind])
        for kind, why in unserved.items()
        if held.get(kind)
    ]
    if errors := [*(said(each) for each in _list(data, "errors")), *lost]:
        return failed("search", statement, observed=listed(errors, named=_NAMED), expected=expected)
    undeclared = said(["undeclared"])
    unknown = [
        fact("said-of-one", "{name}: {why}", name=kind, why=why)
        for kind, why in unserved.items()
        if kind not in held and why.code != undeclared.code
    ]
    if unasked := [*(of_a_kind(each) for each in _list(data, "unasked")), *unknown]:
        return undetermined("search", statement, observed=listed(unasked, named=_NAMED), expected=expected)
    told = [counted("resources-read", "{n} resource read", "{n} resources read", number_of(data, "read"))]
    if unserved:
        told.append(fact("kinds-not-served", "not served: {kinds}", kinds=several(sorted(unserved))))
    if unsorted := texts_of(data, "unsorted"):
        kinds = several(unsorted)
        told.append(fact("kinds-not-sorted", "cannot be sorted, so not the newest: {kinds}", kinds=kinds))
    return passed("search", statement, observed=joined(told), expected=expected)


def _list(data: Mapping[str, object], key: str) -> list[object]:
    found = data.get(key)
    return found if isinstance(found, list) else []


def _newest(data: Mapping[str, object], options: FhirOptions, expectation: Expectation) -> CheckResult:
    """Return the watermark, where resources carry the instant of their change and come sorted by it."""
    newest = options.last_updated
    assert newest is not None
    without, unsorted = number_of(data, "undated"), texts_of(data, "unsorted")
    if unsorted or (without and not text_of(data, "newest")):
        observed = counted(
            "resources-undated", "{n} resource without lastUpdated", "{n} resources without lastUpdated", without
        )
        if unsorted:
            observed = fact("cannot-be-sorted", "{kinds} cannot be sorted", kinds=several(unsorted))
        statement = fact("newest-datum-shown-by", "the newest datum shown by: {query}", query=newest.query)
        return undated(undetermined("newest", statement, observed=observed))
    return judge(text_of(data, "newest") or None, newest, expectation, store=f"fhir {options.base}")


def _said_by_kind(data: Mapping[str, object], key: str) -> dict[str, Phrase]:
    found = data.get(key)
    return {str(kind): said(why) for kind, why in found.items()} if isinstance(found, dict) else {}
