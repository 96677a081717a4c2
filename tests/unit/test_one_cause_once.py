"""What was not asked because of another check is one finding with it; what failed by itself is never folded away."""

from __future__ import annotations

from dataclasses import replace

from drp.domain.phrase import quoted
from drp.drill.phases.checks import check_findings
from drp_verifiers.statements import failed, not_asked, passed, undetermined

LOGIN = failed("ehr/login", quoted("somebody can log in"), observed=quoted("Connection refused"))
FOLLOWS = [
    replace(not_asked(f"ehr/{name}", quoted("needs a login"), because="login"), because="ehr/login")
    for name in ("counts", "newest")
]


def told(*results):
    return [
        (finding.code, finding.subject.partition(":")[0], finding.observed) for finding in check_findings([*results])
    ]


def test_one_cause_is_one_finding_that_names_what_was_not_asked():
    observed = "Connection refused; not asked because of it: counts, newest"
    assert told(LOGIN, *FOLLOWS) == [("DRP-C001", "ehr/login", observed)]
    late = undetermined("ehr/login", quoted("somebody can log in"), observed=quoted("gave no answer"))
    assert [code for code, *_ in told(late, *FOLLOWS)] == ["DRP-C002"]


def test_only_what_was_not_asked_is_folded_and_only_where_its_cause_is_told():
    counted = replace(failed("ehr/counts", quoted("all rows"), observed=quoted("1, had 2")), because="ehr/login")
    assert [name for _, name, _ in told(LOGIN, counted)] == ["ehr/login", "ehr/counts"]
    assert [name for _, name, _ in told(passed("ehr/login", quoted("it")), *FOLLOWS)] == ["ehr/counts", "ehr/newest"]
    assert [name for _, name, _ in told(*FOLLOWS)] == ["ehr/counts", "ehr/newest"]
    around = [replace(FOLLOWS[0], because="ehr/newest"), replace(FOLLOWS[1], because="ehr/counts")]
    assert len(told(*around)) == 2, "what gives one another as the cause is folded into nothing"
