"""What a proof of isolation that does not hold comes to: a leak is told as one, a probe that could not as that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.cli.phase_lines import isolation
from drp.domain.sandbox import IsolationProof, ProbeCheck
from drp.drill.phases.prepare import _findings

DENIED = ProbeCheck(id="net.tcp:a", kind="net", outcome="denied")
PROOF = IsolationProof(
    denied=81, allowed=0, errors=0, control_reached=29, control_missed=(), canary_hits=0, canary_intact=True,
    checks=(DENIED,),
)  # fmt: skip
LEAK = replace(
    PROOF, denied=80, allowed=1, canary_hits=1, checks=(DENIED, replace(DENIED, id="net.udp:b", outcome="allowed"))
)
UNTRIED = replace(PROOF, denied=80, errors=1, checks=(DENIED, replace(DENIED, id="fs.places", outcome="error")))


@pytest.mark.parametrize(
    ("proof", "line", "codes"),
    [
        (PROOF, "✔ isolation proven: 81 of 81 probes denied", []),
        (LEAK, "✗ NOT ISOLATED: 80 of 81 probes denied, 1 allowed, the tripwire was reached", ["DRP-I001", "DRP-I001"]),
        (replace(PROOF, canary_intact=False), "✗ NOT ISOLATED: 81 of 81", ["DRP-I001"]),
        (
            replace(PROOF, control_reached=28, control_missed=("net.tcp:127.0.0.2",)),
            "? isolation not proven: the control outside reached 28 and missed net.tcp:127.0.0.2",
            ["DRP-I004"],
        ),
        (
            replace(PROOF, control_reached=0),
            "? isolation not proven: the control outside reached 0 and missed everything",
            ["DRP-I004"],
        ),
        (UNTRIED, "? isolation not proven: 80 of 81 probes denied, 1 could not be tried", ["DRP-I004"]),
        (replace(LEAK, control_missed=("a",)), "✗ NOT ISOLATED", ["DRP-I001", "DRP-I001", "DRP-I004"]),
        (replace(PROOF, denied=0, checks=()), "? isolation not proven: 0 of 0", ["DRP-I004"]),
        (replace(LEAK, checks=(), canary_hits=0), "✗ NOT ISOLATED", ["DRP-I001"]),
    ],
)
def test_a_proof_says_whether_something_got_out_or_nobody_could_look(proof, line, codes):
    assert isolation(proof).startswith(line)
    assert [finding.code for finding in _findings(proof)] == codes
    assert proof.holds == (not codes)
