"""The ``fhir`` verifier: a FHIR server states its capability, counts resources, and their references lead somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from drp.domain.check import CheckResult, Expectation, Target
from drp_verifiers.clinical import counted, facts_answer, inside, judge_counts, section, whole_numbers
from drp_verifiers.inside import ask, number_of, text_of, texts_of
from drp_verifiers.statements import failed, judged, passed, undetermined
from drp_verifiers.watermarks import Newest, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirOptions:
    """What may be said about a FHIR server. Raises ValueError for an address that is not http or https."""

    base: str
    """Base address inside the sandbox, such as ``http://127.0.0.1:8080/fhir``."""
    resources: tuple[str, ...] = ("Patient", "Observation", "ServiceRequest", "ImagingStudy")
    token_file: str = ""
    """File inside the sandbox with a bearer token; relative to the restored tree."""
    samples: int = 50
    """How many of the newest resources of each kind are read for their references."""
    most_references: int = 200
    last_updated: Newest | None = None
    """Take the newest ``meta.lastUpdated`` as the newest datum: only for servers that keep it through a restore."""
    seconds: float = 30.0

    def __post_init__(self) -> None:
        """Refuse other schemes."""
        if not self.base.startswith(("http://", "https://")):
            raise ValueError("base: must begin with http:// or https://")


class FhirVerifier:
    """Asks a FHIR server from inside the sandbox."""

    name: ClassVar[str] = "fhir"
    Options: ClassVar[type] = FhirOptions

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[CheckResult]:
        """Yield capability, search with counts, references and, if declared, the newest change."""
        assert isinstance(options, FhirOptions)
        request = _request(options, expectation)
        answer = ask(target, "fhir_rest", request, timeout_seconds=expectation.timeout_seconds)
        statement = f"{options.base} states its capability"
        data = answer.data
        capable = data.get("status") == 200 and data.get("kind") == "CapabilityStatement"
        if answer.trouble is not None:
            yield answer.trouble.result("capability", statement)
        elif capable:
            yield passed("capability", statement, observed=f"FHIR {text_of(data, 'version')[:20]}")
            yield from _content(data, options, expectation)
            return
        else:
            observed = (
                text_of(data, "reason") or f"status {data.get('status')} with {text_of(data, 'kind')[:40] or 'nothing'}"
            )
            yield failed("capability", statement, observed=observed, expected="status 200 with a CapabilityStatement")
        for check in ("search", "counts", "references"):
            yield undetermined(check, "needs a server that states its capability", observed="it did not")

    def facts(self, target: Target, options: object, expectation: Expectation) -> dict[str, object]:
        """Return what a running server counts, for the manifest. Raises ValueError when it cannot be asked."""
        assert isinstance(options, FhirOptions)
        request = {**_request(options, expectation), "most": 0, "samples": 1}
        data = facts_answer(target, "fhir_rest", request, expectation)
        return {"fhir": {"counts": counted(data), "rule": "exact"}}


def _request(options: FhirOptions, expectation: Expectation) -> dict[str, object]:
    return {
        "base": options.base,
        "resources": options.resources,
        "token_file": inside(options.token_file, expectation),
        "samples": options.samples,
        "most": options.most_references,
        "seconds": options.seconds,
        "time": expectation.timeout_seconds * 0.7,
    }


def _content(data: Mapping[str, object], options: FhirOptions, expectation: Expectation) -> Iterator[CheckResult]:
    errors = texts_of(data, "errors")
    statement = f"searches for {', '.join(options.resources)} give bundles"
    observed = "; ".join(errors)[:400] or f"{data.get('read')} resources read"
    yield judged("search", statement, holds=not errors, observed=observed, expected="a bundle each")
    counts = whole_numbers(data.get("counts"))
    yield judge_counts("counts", "the server counts what it held at backup time", counts, section(expectation, "fhir"))
    yield _references(data)
    if options.last_updated is not None:
        yield judge(text_of(data, "newest") or None, options.last_updated, expectation, store=f"fhir {options.base}")


def _references(data: Mapping[str, object]) -> CheckResult:
    check, statement = "references", "what resources refer to exists"
    answered = data.get("references")
    found: Mapping[str, object] = answered if isinstance(answered, dict) else {}
    wanted, followed, dangling = (number_of(found, key) for key in ("found", "followed", "dangling"))
    expected = f"{wanted} references lead somewhere"
    if dangling:
        named = ", ".join(texts_of(found, "listed"))[:400]
        return failed(check, statement, observed=f"{dangling} of {followed} dangle: {named}", expected=expected)
    if followed < wanted:
        observed = f"{followed} of {wanted} followed"
        return undetermined(check, statement, observed=observed, expected=expected)
    if not number_of(data, "read"):
        return undetermined(check, statement, observed="no resource was read")
    return passed(check, statement, observed=f"{followed} followed", expected=expected)
