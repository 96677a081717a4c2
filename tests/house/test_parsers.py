"""What comes from inside is read by one strict reader: everything else that parses is known, and has a reason."""

from __future__ import annotations

import re
from pathlib import Path

from drp.share import shared

ROOT = Path(__file__).parents[2]
OTHER_READERS = re.compile(
    r"json\.loads?\(|JSONDecoder|raw_decode|validate_json\(|from_json\(|yaml\.\w*load|marshal\.load|pickle|literal_eval"
)
OWN = {
    "drp/domain/strict_json.py": "is the strict reader",
    "drp/domain/first_fatal.py": "runs inside too, and takes words out of lines of a log: see its docstring",
    "drp/codec.py": "drp's own values; who reads those of others parses them strictly first",
    "drp/sign_off/desk.py": "papers of referents, parsed strictly first",
    "drp/sign_off/approvals.py": "papers of approvers, parsed strictly first",
    "drp/sign_off/visitor.py": "drp's own replies",
    "drp/journal/chain.py": "the journal, held by its chain of digests",
    "drp/journal/register_rows.py": "the register, held by its chain of digests, and its own note",
    "drp/journal/summaries.py": "drp's own notes, each held by its digest",
    "drp/journal/progress.py": "drp's own signs of life, on which nothing rests",
    "drp/evidence/record.py": "records, compared with their one canonical form",
    "drp/sandboxes/bubblewrap/launch.py": "bubblewrap's status, before anything runs inside",
    "drp/sandboxes/trial.py": "drp's own trial",
    "drp/sandboxes/network/netns.py": "drp's own helper, which holds nothing restored",
    "drp/sandboxes/host/layout.py": "drp's own notes",
    "drp/sandboxes/network/gateway.py": "drp's own gateway",
    "drp/repositories/pinned/main.py": "its parent's requests",
    "drp/repositories/pinned/process.py": "drp's own server of a view",
    "drp/hashing/workers/checkpoint.py": "a private file of the same user",
    "drp/hashing/workers/wire.py": "pipes between drp's own processes",
    "drp/engine/ledger.py": "orders, which drp's own hosts write",
    "drp/domain/reconciliation/packed.py": "its own process's memory",
    "drp/runbooks/lint.py": "the site's playbooks",
    "drp/service/worker.py": "the supervisor's lines",
    "drp/service/told.py": "drp's own notes, on which nothing rests",
    "drp/monitoring/outbox.py": "its own sender's lines, held to their type",
    "drp/monitoring/delivery.py": "its parent's order",
    "drp/service/supervisor.py": "the worker's lines",
    "drp/sandboxes/host/on_disk.py": "drp's own trial",
    "drp/cli/evidence.py": "a record that was read and held against its seal",
    "drp/cli/verifier_facts.py": "the command line",
    "drp/service/kept.py": "drp's own notes",
    "drp/canaries/orthanc.py": "production, read within bounds, in a process that the kernel ends",
    "drp/canaries/writer.py": "drp's own order to its writer",
    "drp/canaries/writing.py": "the writer's own answer, held to its type",
    "drp/cli/doctor_host.py": "drp's own trial",
    "drp/verifiers/options.py": "options of a plan",
}


def test_nothing_else_reads_what_others_wrote() -> None:
    found = {
        str(path.relative_to(ROOT))
        for folder in ("drp", "verifiers/drp_verifiers")
        for path in (ROOT / folder).rglob("*.py")
        if "payload" not in path.parts and OTHER_READERS.search(path.read_text())
    }
    assert found - OWN.keys() == set(), "use drp.domain.strict_json, or say here why not"
    assert OWN.keys() - found == set(), "these read nothing by themselves any more"


def test_runbooks_take_typed_answers_alone() -> None:
    """Text from inside is never parsed by Ansible: what a program answers, drp_exec has read and typed."""
    texts = {path: path.read_text() for path in shared("runbooks").rglob("*.yml")}
    for path, text in texts.items():
        assert not re.search(r"from_(?:json|yaml|yaml_all|toml|csv)\b|ansible\.utils|community\.", text), path
        for match in re.finditer(r"(\w+)\.std(?:out|err)(?:_lines)?\b(?P<after>[^\n]*)", text):
            kept = ".splitlines()" in match["after"] or "| length" in match["after"]
            assert kept, f"{path}: {match[0]}: declare an answer"


def test_every_parser_of_hostile_bytes_is_listed() -> None:
    listed = (ROOT / "drp" / "PARSERS.md").read_text()
    assert listed
    users = {
        path
        for folder in ("drp", "verifiers/drp_verifiers", "runbooks/plugins")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"^from drp\.domain\.(?:strict_json|answer) import", path.read_text(), re.MULTILINE)
    }
    for path in users:
        name = str(path.relative_to(ROOT))
        assert f"`{name}`" in listed, f"{name} is not in drp/PARSERS.md"
