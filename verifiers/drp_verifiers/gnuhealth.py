"""The ``gnuhealth`` verifier: a user can log in, the records are there, signed laboratory reports are unaltered.

The newest datum comes only from the dates that the application itself gave its records, in UTC. Commit times and file
dates of a logical restore are those of the restore, and would report that nothing was lost.

The digest of a signed report lies in the same database: who can change both is not caught here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer
from drp.domain.judged import NotJudged, Part
from drp.domain.phrase import Phrase, counted, fact, say
from drp_verifiers.amounts import listed
from drp_verifiers.clinical import counted as counts_of
from drp_verifiers.clinical import facts_answer, inside, judge_counts, section, whole_numbers
from drp_verifiers.failures import failure
from drp_verifiers.gnuhealth_answers import attachments, reports
from drp_verifiers.inside import ask, text_of, texts_of
from drp_verifiers.parts_gnuhealth import MODELS, PARTS
from drp_verifiers.records import read_records
from drp_verifiers.records_options import GnuHealthRecords
from drp_verifiers.restored_code import code_of_files, code_of_settings
from drp_verifiers.statements import failed, judged, not_asked, passed, undetermined
from drp_verifiers.watermarks import Newest, judge, undated

_NAMED = 12
_CODE = (".py", ".pyc", ".so", ".pth", ".egg-link", ".sh")
_CHECKS = ("counts", "newest", "signed-reports", "attachments")


@dataclass(frozen=True, slots=True, kw_only=True)
class GnuHealthOptions:
    """What may be said about a GNU Health."""

    database: str
    """Name of the database."""
    password_file: str
    """File inside the sandbox with the user's password; relative to the restored tree. Never the password itself."""
    user: str = "admin"
    """User of GNU Health that asks."""
    host: str = "127.0.0.1"
    """Address inside the sandbox."""
    port: int = 8000
    """Port of the application server."""
    models: tuple[str, ...] = MODELS
    """Counted, and compared with the facts."""
    newest_models: tuple[str, ...] = ()
    """Whose newest record dates the restored data; empty: all that are counted."""
    canary: bool = False
    """One of these models is written regularly by a heartbeat, so the age of the newest record is not idle time."""
    within_seconds: float | None = None
    """Fail when the newest record is older than this, seen from the recovery point's instant."""
    signed_reports: Literal["required", "if-any", "no"] = "if-any"
    """required: an application without any signed report fails · if-any: then nothing is stated about them."""
    attachments: int = 20
    """How many of the newest attachments are read through the application; 0: none."""
    seconds: float = 60.0
    """For each answer."""


class GnuHealthVerifier:
    """Uses GNU Health from inside the sandbox as its users' programs do."""

    name: ClassVar[str] = "gnuhealth"
    Options: ClassVar[type] = GnuHealthOptions
    RecordOptions: ClassVar[type] = GnuHealthRecords
    parts: ClassVar[tuple[Part, ...]] = PARTS

    def records(self, target: Target, options: object, expectation: Expectation) -> Iterator[Mapping[str, object]]:
        """Yield declared fields of every record. Raises ValueError with the reason when they cannot be read."""
        assert isinstance(options, GnuHealthRecords)
        request = {
            "host": options.host,
            "port": options.port,
            "database": options.database,
            "user": options.user,
            "password_file": inside(options.password_file, expectation),
            "model": options.model,
            "fields": options.fields,
            "domain": options.domain,
            "at": options.at,
            "seconds": options.seconds,
        }
        yield from read_records(
            target,
            "records_gnuhealth",
            request,
            timeout_seconds=expectation.timeout_seconds,
        )

    def read(self, target: Target, options: object, expectation: Expectation) -> Iterator[Answer]:
        """Yield the code that the backup brings: modules by name, whatever else can run, and what names code."""
        assert isinstance(options, GnuHealthOptions)
        configuration = str(expectation.inputs.get("configuration") or "etc/trytond.conf")
        yield from code_of_settings(target, expectation, configuration, kind="ini")
        yield from code_of_files(target, expectation, suffixes=_CODE, marker="tryton.cfg")

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[CheckResult | NotJudged]:
        """Yield login, active modules, counts, newest record, signed reports and attachments."""
        assert isinstance(options, GnuHealthOptions)
        request = _request(options, expectation)
        answer = ask(target, "gnuhealth_rpc", request, timeout_seconds=expectation.timeout_seconds)
        statement = fact(
            "user-can-log-in",
            "{user} can log in to {database} on {host}:{port}",
            user=options.user,
            database=options.database,
            host=options.host,
            port=str(options.port),
        )
        if answer.trouble is None and answer.data.get("logged_in") is True:
            yield passed("login", statement)
            yield from _content(answer.data, options, expectation)
            return
        if answer.trouble is not None:
            yield answer.trouble.result("login", statement)
        else:
            expected = fact("a-session", "a session")
            yield failed("login", statement, observed=failure(answer.data.get("reason")), expected=expected)
        for check in _CHECKS:
            unseen = not_asked(check, fact("needs-a-login", "needs a user who can log in"), because="login")
            yield undated(unseen) if check == "newest" else unseen

    def facts(self, target: Target, options: object, expectation: Expectation) -> dict[str, object]:
        """Return what a running GNU Health counts, for the manifest. Raises ValueError when it cannot be asked."""
        assert isinstance(options, GnuHealthOptions)
        asked = replace(options, signed_reports="no", attachments=0)
        data = facts_answer(target, "gnuhealth_rpc", _request(asked, expectation), expectation)
        modules = sorted(texts_of(data, "modules"))
        return {"gnuhealth": {"counts": counts_of(data), "rule": "exact", **({"modules": modules} if modules else {})}}


def _request(options: GnuHealthOptions, expectation: Expectation) -> dict[str, object]:
    return {
        "host": options.host,
        "port": options.port,
        "database": options.database,
        "user": options.user,
        "password_file": inside(options.password_file, expectation),
        "models": options.models,
        "newest_models": options.newest_models or options.models,
        "modules": True,
        "reports": options.signed_reports != "no",
        "attachments": options.attachments,
        "seconds": options.seconds,
    }


def _content(
    data: Mapping[str, object], options: GnuHealthOptions, expectation: Expectation
) -> Iterator[CheckResult | NotJudged]:
    refusals = data.get("errors")
    errors = refusals if isinstance(refusals, dict) else {}
    statement = fact("application-counts-what-held", "the application counts what it held at backup time")
    if "counts" in errors:
        yield failed("counts", statement, observed=failure(errors["counts"]))
    else:
        facts = section(expectation, "gnuhealth")
        yield judge_counts("counts", statement, whole_numbers(data.get("counts")), facts)
    yield _modules(data, errors, expectation)
    yield _newest(data, errors, options, expectation)
    if options.signed_reports != "no":
        yield from reports(data, errors, options)
    if options.attachments:
        yield attachments(data, errors, options)


def _modules(
    data: Mapping[str, object], errors: Mapping[str, object], expectation: Expectation
) -> CheckResult | NotJudged:
    """Judge which modules are active: each is code that answers for the records."""
    check = "modules"
    statement = fact("active-modules-as-before", "the modules that are active are those of backup time")
    before = section(expectation, "gnuhealth").get("modules")
    if "modules" in errors:
        return undetermined(check, statement, observed=failure(errors["modules"]))
    found = set(texts_of(data, "modules"))
    if not isinstance(before, list):
        why = fact(
            "facts-name-none-compare",
            "the facts name none to compare the {n} active ones with: make them again",
            n=len(found),
        )
        return NotJudged(part=say("which modules are active"), why=why)
    known = {name for name in before if isinstance(name, str)}
    changed = [
        *(fact("module-was-not-active", "{name} was not", name=name) for name in sorted(found - known)),
        *(fact("module-is-not-active", "{name} is not", name=name) for name in sorted(known - found)),
    ]
    observed, expected = listed(changed, named=_NAMED) or _so_many(len(found)), _so_many(len(known))
    return judged(check, statement, holds=not changed, observed=observed, expected=expected, basis="content")


def _so_many(number: int) -> Phrase:
    return counted("modules-number", "{n} module", "{n} modules", number)


def _newest(
    data: Mapping[str, object], errors: Mapping[str, object], options: GnuHealthOptions, expectation: Expectation
) -> CheckResult:
    if "newest" in errors:
        said = failure(errors["newest"])
        return undated(
            undetermined(
                "newest", fact("newest-record-application", "the newest record of the application"), observed=said
            )
        )
    answered = data.get("newest")
    found = answered if isinstance(answered, dict) else {}
    where = f"GNU Health {text_of(found, 'model') or '*'}: {text_of(found, 'field') or 'create_date'}"
    newest = Newest(query=where, canary=options.canary, within_seconds=options.within_seconds)
    store = f"gnuhealth {options.host}:{options.port}/{options.database}"
    return judge(text_of(found, "at") or None, newest, expectation, store=store)
