"""A report says of every statement who says so, on what its pass rests, and what a hostile system could have said."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from drp.domain.application import CheckSpec
from drp.domain.check import CheckResult
from drp.domain.evidence import EvidenceRecord
from drp.domain.findings.sign_off import SIGN_OFF_MISSING, SIGN_OFF_REFUSED
from drp.domain.phrase import fact
from drp.domain.restored_code import CodeChange, RestoredCode
from drp.evidence.record import read_record, record_bytes
from drp.reporting.code import MOST_CODE
from drp.reporting.html import render_html
from drp.reporting.i18n import language
from drp.reporting.limits import limits_of
from drp.reporting.reasons import reasons_of
from drp.reporting.text import render_markdown
from drp.reporting.view import view_of
from drp.share import languages
from tests.support import fixtures_records as sample
from tests.support.reasons import about, check, found

READ = tuple(
    CheckResult(check=f"scans/{name}", outcome="passed", statement="s", witness="drp") for name in ("tree", "magic")
)
SEEN = CheckResult(check="port/open", outcome="passed", statement="s", witness="outside")
SAID_BY = {
    "en": ("read by drp", "said by the restored system", "seen from outside", "said by the business referent"),
    "fr": ("lu par drp", "affirmé par le système restauré", "vu de l’extérieur", "affirmé par le référent métier"),
}


def mixed(*, trust: str = "restored", **verify: object) -> EvidenceRecord:
    """Return a passed record with statements of every witness."""
    record = sample.sample_record("passed")
    (recovery,) = record.recoveries
    assert recovery.verify is not None
    assert recovery.hash is not None
    verify.setdefault("checks", (*READ, *recovery.verify.checks, SEEN))
    (planned,) = record.plan.recoveries
    recovery = replace(recovery, hash=replace(recovery.hash, checks=READ), verify=replace(recovery.verify, **verify))
    plan = replace(record.plan, recoveries=(replace(planned, trust=trust),))
    return replace(record, plan=plan, recoveries=(recovery,))


def spaces(text: str) -> str:
    return re.sub("[\u00a0\u202f]", " ", text)


def limits(record: EvidenceRecord, tag: str = "en") -> str:
    return spaces("\n".join(language(tag).plain(limit) for limit in limits_of(record)))


@pytest.mark.parametrize("tag", languages())
def test_every_statement_has_its_witness_in_every_format(tag: str) -> None:
    record, (read, said, seen, _) = mixed(), SAID_BY[tag]
    assert read_record(record_bytes(record)) == record
    page = spaces(render_html(record, tag).decode())
    table = page.partition(f"<h3>{language(tag).gettext('Checks')}</h3>")[2].partition("</table>")[0]
    assert re.findall('<span class="who">(.*?)</span>', table) == [read, read, said, said, said, said, seen]
    (minor,) = re.findall(r"<table class=\"minor\">.*?</table>", page, re.DOTALL)
    findings = re.findall('<tr><th scope="row">.*?</tr>', minor, re.DOTALL)
    assert all(any(f'<span class="who">{word}</span>' in one for word in SAID_BY[tag]) for one in findings)
    assert len(findings) == 2
    for heading in ("Isolation", "Integrity", "Start", "Attempts to reach the outside"):
        title = language(tag).gettext(heading)
        assert re.search(rf"<h3>{title} <span class=\"who\">({read}|{said}|{seen})</span></h3>", page), heading
    text = spaces(render_markdown(record, tag).decode())
    for word in (read, said, seen):
        assert text.count(word) > 1
    (line,) = [line for line in text.splitlines() if line.startswith("| " + ("Does it" if tag == "en" else "Est-ce"))]
    assert all(word in line for word in (read, said, seen))


def test_the_summary_says_on_what_the_pass_rests() -> None:
    view = view_of(mixed())
    assert view.rests is not None
    words = "7 statements passed: 2 read by drp, 4 said by the restored system, 1 seen from outside."
    assert language("en").plain(view.rests) == words
    assert words in render_markdown(mixed(), "en").decode()
    assert "7 constats favorables" in spaces(render_html(mixed(), "fr").decode())


def test_a_record_of_before_rests_on_the_word_of_the_restored_system() -> None:
    view = view_of(sample.sample_record("passed"))
    assert view.rests is not None
    assert "0 read by drp, 4 said by" in language("en").plain(view.rests)


def test_a_plan_without_trust_says_what_it_demands_and_what_was_missing() -> None:
    text = render_markdown(mixed(trust="none"), "en").decode()
    assert "the plan trusts no restored system (`trust: none`). What drp itself has not read: a newest datum." in text
    (recovery,) = mixed().recoveries
    assert recovery.verify is not None
    dated = (replace(READ[0], watermark=recovery.verify.watermark), *recovery.verify.checks[1:])
    whole = render_markdown(mixed(trust="none", checks=dated), "fr").decode()
    assert "Ne compte que ce que drp a lu, et cela est présent." in whole
    assert "trust: none" not in view_of(mixed()).recoveries[0].summary.message
    assert view_of(mixed()).recoveries[0].demand is None


def test_what_it_does_not_prove_names_the_checks_that_only_the_system_itself_says() -> None:
    told = limits(mixed())
    assert "ehr: 4 statements that passed are its own word (database (3), documents)." in told
    assert "a service that answered is not a service that is honest" in told
    assert "the recovery time of 20.1 s ends when these checks passed" in told
    assert "rests on a newest datum that the restored system dated" in told
    assert "no check named the code of the backup that answered" in told
    assert "`trust: none` in the plan" in told
    assert "scans" not in told
    assert "ne reposent que sur sa parole" in limits(mixed(), "fr")


def test_a_check_that_ran_beside_the_application_is_named() -> None:
    record = mixed()
    (planned,) = record.plan.recoveries
    script = CheckSpec(name="script", verifier="command", options={"argv": ["/bin/true"], "beside": True})
    application = replace(planned.application, checks=(*planned.application.checks, script))
    plan = replace(record.plan, recoveries=(replace(planned, application=application),))
    assert "ehr: these checks ran beside it, where it could stop or feed them: script." in limits(
        replace(record, plan=plan)
    )
    assert "ran beside" not in limits(record)


def test_where_drp_read_everything_nothing_of_it_is_doubted() -> None:
    told = limits(mixed(checks=READ, watermark=None))
    assert "own word" not in told
    assert "trust: none" not in told


def code(number: int, state: str = "") -> RestoredCode:
    return RestoredCode(name=f"function {state}{number}", digest=f"sha256:{number:064x}", check="database")


def test_restored_code_is_listed_with_what_changed_first_and_counted_in_the_limits() -> None:
    met = (*(code(number) for number in range(MOST_CODE + 5)), code(9999, "\x1b[31m\u202e"))
    change = CodeChange(check="database", name=met[-1].name, was="sha256:aa", now=met[-1].digest, since="d-1")
    record = mixed(code=met, code_changes=(change,), code_compared_with="d-1")
    (view,) = view_of(record).recoveries
    assert (view.code.shown[0].code.name, view.code.left_out) == (met[-1].name, 6)
    assert f"{MOST_CODE + 6} pieces of code came out of the backup" in limits(record)
    assert "1 is new or changed" in limits(record)
    for shown in (render_html(record, "fr").decode(), render_markdown(record, "fr").decode()):
        assert "modifié depuis l’exercice" in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "as in drill d-1: what was there already" in limits(mixed(code=met[:1], code_compared_with="d-1"))
    assert "with nothing to compare them with" in limits(mixed(code=met[:1]))


def test_reasons_say_who_says_so_and_those_of_before_by_their_code() -> None:
    said = "check failed (DRP-C001): a/b: rows ({})"
    for witnesses, word in (
        (("drp",), "read by drp"),
        ((), "said by the restored system"),
        ((None,), "said by the restored system"),
    ):
        (reason,) = reasons_of([about("ehr", found("DRP-C001", "a/b: rows"))], witnesses)
        assert language("en").plain(reason) == "ehr: " + said.format(word)
    (reason,) = reasons_of([about("ehr", check("a/b", "undetermined"))], ("outside",))
    assert language("en").plain(reason) == "ehr: check a/b: Undetermined (seen from outside)"
    (reason,) = reasons_of([about("ehr", check("a/b", "undetermined"))])
    assert language("en").plain(reason) == "ehr: check a/b: Undetermined"
    (reason,) = reasons_of([fact("stopped-on-request", "stopped on request")], (None,))
    assert language("en").plain(reason) == "stopped on request"
    mixed_witnesses = reasons_of(
        [
            about("ehr", found("DRP-C001", "a")),
            about("ehr", found("DRP-C001", "b")),
            about("ehr", found("DRP-C001", "c")),
        ],
        ("drp", "restored", "restored"),
    )
    assert [language("en").plain(one) for one in mixed_witnesses] == [
        "ehr: check failed (DRP-C001): a (read by drp)",
        "ehr: check failed (DRP-C001): b (said by the restored system), and 1 more",
    ]


def test_a_person_is_no_witness_of_the_three_and_is_named_as_one() -> None:
    record = sample.sample_record("passed")
    (recovery,) = record.recoveries
    refused, missing = (
        found.finding(subject="ehr", observed="o", expected="e") for found in (SIGN_OFF_REFUSED, SIGN_OFF_MISSING)
    )
    view = view_of(replace(record, recoveries=(replace(recovery, findings=(refused, missing)),)))
    assert [language("en").plain(found.speaker) for found in view.recoveries[0].findings] == [
        "said by the business referent",
        "read by drp",
    ]
    (reason,) = reasons_of([about("ehr", found("DRP-B001", "step 3"))], ("outside",))
    assert language("en").plain(reason).endswith("(said by the business referent)")


def test_what_drp_read_is_shown_where_the_application_did_not_start() -> None:
    record = mixed()
    (recovery,) = record.recoveries
    record = replace(record, recoveries=(replace(recovery, verify=None),))
    page = render_html(record, "en").decode()
    assert "The application was not asked" in page
    assert "scans/magic" in page
    assert "2 statements passed: 2 read by drp" in page
