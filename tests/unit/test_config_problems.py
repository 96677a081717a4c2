"""What people get wrong, and the exact lines they are told. Every line is file:line:column: where: what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.config.site import check_site, load_site
from drp.errors import ConfigError
from tests.support.sites import DOCUMENTS, DRILL, EHR, REPOSITORIES, SITE, write_site

APP = "inventory/applications/ehr.yml"
REPO = "inventory/repositories.yml"
PLAN = "inventory/drills/hospital.yml"


def problems(directory: Path) -> list[str]:
    return [str(problem) for problem in check_site(directory)]


def test_a_valid_site_has_no_problem(tmp_path: Path) -> None:
    assert problems(write_site(tmp_path)) == []


YAML = {
    "nothing": (b"", ":1:1: is empty"),
    "only a comment": (b"# nothing yet\n", ":1:1: is empty"),
    "a list": (b"- name: ehr\n", ":1:1: must be a mapping: `key: value` lines"),
    "a word": (b"ehr\n", ":1:1: must be a mapping: `key: value` lines"),
    "a tab": (b"name: ehr\n\ttitle: x\n", ":2:1: a tab cannot indent YAML: use spaces"),
    "a colon": (b"name: ehr\ntitle: health: record\n", ":2:14: `: ` is not allowed here: check the indentation, or quote the text"),
    "an open bracket": (b"name: ehr\ndepends_on: [a, b\n", ":3:1: expected ',' or ']', but got '<stream end>' while parsing a flow sequence"),
    "two documents": (b"name: ehr\n---\nname: lis\n", ":2:1: one document a file: remove the second `---`"),
    "an alias": (b"name: &a ehr\ntitle: *a\n", ":2:8: aliases are not used here: write it out"),
    "a bomb": (b"a: &a [x]\nb: [*a, *a]\n", ":2:5: aliases are not used here: write it out"),
    "a tag": (b"name: !!python/object/apply:os.system [id]\n", ":1:7: name: tags (`!\u2026`) are not used here"),
    "a tag of its own": (b"name: !secret x\n", ":1:7: name: tags (`!\u2026`) are not used here"),
    "latin-1": ("name: ehr\ntitle: santé\n".encode("latin-1"), ":2:12: is not UTF-8: save it as UTF-8"),
    "a control character": (b"name: ehr\ntitle: a\x07b\n", ":2:9: holds a character that no text file has"),
    "depth": (b"name: " + b"[" * 400 + b"]" * 400, ":1:38: too deeply nested"),
    "a key twice": (b"name: ehr\ntier: 0\nname: ehr2\n", ":3:1: name: is said twice, first in line 1"),
    "a key of a key": (b"{a: b}: c\n", ":1:1: a key must be text; quote `{\u2026}` and `[\u2026]` where they are meant as text"),
}  # fmt: skip


@pytest.mark.parametrize("case", YAML)
def test_what_is_no_yaml_for_drp(tmp_path: Path, case: str) -> None:
    content, expected = YAML[case]
    found = problems(write_site(tmp_path, {APP: content, "inventory/applications/documents.yml": None, PLAN: None}))
    assert found == [APP + expected]


def test_a_file_of_more_than_a_mebibyte_is_not_read(tmp_path: Path) -> None:
    content = EHR + "#" * (1 << 20)
    assert f"{APP}:1:1: is larger than 1 MiB" in problems(write_site(tmp_path, {APP: content}))


def edited(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


APPLICATION = {
    "unknown key": ("tier: 0", "teir: 0", ["3:1: teir: unknown key; did you mean `tier`?", "1:1: tier: is missing"]),
    "unknown key below": ("{rto: 4h, rpo: 1h}", "{rto: 4h, rpo: 1h, mpdt: 2h}", ["4:32: objectives.mpdt: unknown key; did you mean `mtpd`?"]),
    "unknown key, nothing like it": ("{kind: postgres}", "{kind: postgres, zzz: 1}", ["6:27: runbook.zzz: unknown key; known here: inputs, kind, timeout"]),
    "missing": ("title: Electronic health record\n", "", ["1:1: title: is missing"]),
    "missing below": ("{rto: 4h, rpo: 1h}", "{rto: 4h}", ["4:13: objectives.rpo: is missing"]),
    "no duration": ("rpo: 1h", "rpo: 4x", ["4:28: objectives.rpo: is not a duration: write it as 30m, 4h or 1d12h"]),
    "no unit": ("rpo: 1h", "rpo: 60", ["4:28: objectives.rpo: has no unit: write 60s, 60m or 60h"]),
    "sexagesimal": ("rpo: 1h", "rpo: 4:30", ["4:28: objectives.rpo: is not a duration: write it as 30m, 4h or 1d12h"]),
    "zero": ("rto: 4h", "rto: 0h", ["4:19: objectives.rto: must be longer than zero"]),
    "eternity": ("rto: 4h", "rto: 99999d", ["4:19: objectives.rto: is longer than ten years"]),
    "mtpd below rto": ("{rto: 4h, rpo: 1h}", "{rto: 4h, rpo: 1h, mtpd: 1h}", ["4:13: objectives: mtpd is shorter than rto: the application would be back too late"]),
    "text for a number": ("tier: 0", "tier: first", ["3:7: tier: must be a whole number"]),
    "quoted number": ("tier: 0", 'tier: "0"', ["3:7: tier: must be a whole number"]),
    "leading zero": ("tier: 0", "tier: 007", ["3:7: tier: must be a whole number"]),
    "out of range": ("tier: 0", "tier: 12", ["3:7: tier: must be less than or equal to 9"]),
    "number for text": ("title: Electronic health record", "title: 1.10", ["2:8: title: must be text: quote it"]),
    "null for text": ("title: Electronic health record", "title:", ["2:7: title: must be text: quote it"]),
    "empty text": ("title: Electronic health record", 'title: ""', ["2:8: title: must not be empty"]),
    "a bad name": ("name: ehr\n", "name: EHR 2\n", ["1:7: name: must be lower case letters, digits and hyphens, at most 63"]),
    "text for a list": ("[vault, shelf]", "vault", ["5:24: backup.repositories: must be a list"]),
    "text for a mapping": ("{kind: postgres}", "postgres", ["6:10: runbook: must be a mapping"]),
    "empty list": ("[vault, shelf]", "[]", ["5:24: backup.repositories: has too few items"]),
    "list for a mapping": ("objectives: {rto: 4h, rpo: 1h}", "objectives: [4h, 1h]", ["4:13: objectives: must be a mapping"]),
    "unknown repository": ("[vault, shelf]", "[vualt]", ["5:25: backup.repositories[0]: there is no repository `vualt`; did you mean `vault`?"]),
    "unknown runbook": ("kind: postgres", "kind: postgers", ["6:17: runbook.kind: there is no runbook `postgers`; did you mean `postgres`?"]),
    "unknown verifier": ("verifier: postgres", "verifier: postgrse", ["8:32: checks[0].verifier: there is no verifier `postgrse`; did you mean `postgres`?"]),
    "check twice": ("  - {name: database, verifier: postgres}", "  - {name: database, verifier: postgres}\n  - {name: database, verifier: tcp}", ["9:12: checks[1].name: a check called `database` stands above"]),
    "unknown dependency": ("checks:", "depends_on: [documnets]\nchecks:", ["7:14: depends_on[0]: there is no application `documnets`; did you mean `documents`?"]),
    "wrong version": ("name: ehr\n", "version: 2\nname: ehr\n", ["1:10: version: must be 1"]),
}  # fmt: skip


@pytest.mark.parametrize("case", APPLICATION)
def test_what_is_wrong_with_an_application(tmp_path: Path, case: str) -> None:
    old, new, expected = APPLICATION[case]
    files = {APP: edited(EHR, old, new), PLAN: None}
    found = [line for line in problems(write_site(tmp_path, files)) if line.startswith(APP)]
    assert sorted(found) == sorted(f"{APP}:{line}" for line in expected)


REPOSITORY = {
    "two places": ("{directory: /srv/backup}", "{directory: /srv, medium: {mount: /m, label: A}}", "3:15: repositories.vault.location: say exactly one of `directory`, `medium`, `rest`, `s3`"),
    "no place": ("{directory: /srv/backup}", "{}", "3:15: repositories.vault.location: say exactly one of `directory`, `medium`, `rest`, `s3`"),
    "unknown kind": ("    location: {directory: /srv/backup}", "    kind: borg\n    location: {directory: /srv/backup}", "3:11: repositories.vault.kind: no kind of repository is called borg; installed are: copies, restic"),
    "mistyped kind": ("    location: {directory: /srv/backup}", "    kind: resitc\n    location: {directory: /srv/backup}", "3:11: repositories.vault.kind: no kind of repository is called resitc; did you mean restic?"),
    "bad name": ("  vault:", "  The Vault:", "2:3: repositories.The Vault: must be lower case letters, digits and hyphens, at most 63"),
    "http": ("{directory: /srv/backup}", "{s3: {endpoint: 'http://s3.example', bucket: b, access_key: {file: a}, secret_key: {file: b}}}", "3:31: repositories.vault.location.s3.endpoint: would send backups in the clear: use https, with `ca_file` for your own authority"),
    "bucket in the endpoint": ("{directory: /srv/backup}", "{s3: {endpoint: 'https://s3.example/b', bucket: b, access_key: {file: a}, secret_key: {file: b}}}", "3:31: repositories.vault.location.s3.endpoint: is not an address: write it as https://host:port, the bucket apart"),
    "no port": ("{directory: /srv/backup}", "{s3: {endpoint: 'https://s3.example:x', bucket: b, access_key: {file: a}, secret_key: {file: b}}}", "3:31: repositories.vault.location.s3.endpoint: is not an address: write it as https://host:port, the bucket apart"),
    "a limit": ("    location: {directory: /srv/backup}", "    limits: {conect: 3s}\n    location: {directory: /srv/backup}", "3:14: repositories.vault.limits.conect: unknown key; did you mean `connect`?"),
    "bad credential": ("{credential: shelf}", "{credential: ../shelf}", "7:28: repositories.shelf.password.credential: must be the name of a credential: letters, digits, dots, hyphens"),
}  # fmt: skip


@pytest.mark.parametrize("case", REPOSITORY)
def test_what_is_wrong_with_a_repository(tmp_path: Path, case: str) -> None:
    old, new, expected = REPOSITORY[case]
    found = [
        line for line in problems(write_site(tmp_path, {REPO: edited(REPOSITORIES, old, new)})) if line.startswith(REPO)
    ]
    assert found == [f"{REPO}:{expected}"]


SECRET = "correct-horse-battery"
LITERALS = {
    "text": SECRET,
    "quoted": f'"{SECRET}"',
    "as a key": f"{{{SECRET}}}",
    "as a wrong key": f"{{value: {SECRET}}}",
    "beside a reference": f"{{file: secrets/vault, value: {SECRET}}}",
    "in a list": f"[{SECRET}]",
    "as a number": "4815162342",
    "with a colon": f"'{SECRET}: x'",
    "in a block": f"|\n      {SECRET}",
}


@pytest.mark.parametrize("case", LITERALS)
def test_a_secret_where_a_reference_belongs_is_refused_and_never_repeated(tmp_path: Path, case: str) -> None:
    text = edited(REPOSITORIES, "password: {file: secrets/vault}", f"password: {LITERALS[case]}")
    with pytest.raises(ConfigError) as caught:
        load_site(write_site(tmp_path, {REPO: text}))
    assert caught.value.message.startswith(f"{REPO}:4:15: repositories.vault.password: ")
    assert SECRET not in str(caught.value)
    assert "4815162342" not in str(caught.value)


@pytest.mark.parametrize("url", [f"postgresql+pg8000://drp:{SECRET}@db/drp", f"https://u:{SECRET}@x/y", f"{SECRET}"])
def test_a_password_in_a_url_is_refused_and_never_repeated(tmp_path: Path, url: str) -> None:
    found = problems(write_site(tmp_path, {"drp.yml": SITE + f"journal: {{url: '{url}'}}\n"}))
    assert len(found) == 1
    assert found[0].startswith("drp.yml:3:16: journal.url: ")
    assert SECRET not in found[0]


DRILLS = {
    "unknown application": ("[ehr, documents]", "[ehr, documnets]", "3:19: recoveries[1]: there is no application `documnets`; did you mean `documents`?"),
    "twice": ("[ehr, documents]", "[ehr, ehr]", "3:19: recoveries[1]: `ehr` is recovered twice"),
    "unknown key of a recovery": ("[ehr, documents]", "[{application: ehr, repostory: vault}]", "3:33: recoveries[0].repostory: unknown key; did you mean `repository`?"),
    "no application": ("[ehr, documents]", "[{repository: vault}]", "3:14: recoveries[0].application: is missing"),
    "foreign repository": ("[ehr, documents]", "[{application: documents, repository: shelf}]", "3:51: recoveries[0].repository: `documents` has no backup in `shelf`; known here: vault"),
    "unknown sandbox": ("recoveries:", "sandbox: clean-room\nrecoveries:", "3:10: sandbox: there is no sandbox `clean-room`; known here: default"),
    "unknown sandbox of a recovery": ("[ehr, documents]", "[{application: ehr, sandbox: defautl}]", "3:42: recoveries[0].sandbox: there is no sandbox `defautl`; did you mean `default`?"),
    "unknown policy": ("recoveries:", "select: {policy: newest_immutable}\nrecoveries:", "3:18: select.policy: must be one of newest, newest-immutable, specific, random, oldest-retained; did you mean `newest-immutable`?"),
    "specific without point": ("recoveries:", "select: {policy: specific}\nrecoveries:", "3:9: select: `policy: specific` and `point` go together"),
    "seed without random": ("recoveries:", "select: {seed: 3}\nrecoveries:", "3:9: select: `seed` needs `policy: random`"),
    "a short point": ("recoveries:", "select: {policy: specific, point: a1}\nrecoveries:", "3:35: select.point: must be a point's id, or at least its first four characters"),
    "impossible ages": ("recoveries:", "select: {not_older_than: 1d, not_newer_than: 2d}\nrecoveries:", "3:9: select: not_newer_than must be less than not_older_than: no point could fit"),
    "no time zone": ("{title: Ransomware}", "{title: Ransomware, disaster_at: 2026-11-21T02:00:00}", "2:44: scenario.disaster_at: has no time zone: end it with Z or with an offset such as +01:00"),
    "no instant": ("{title: Ransomware}", "{title: Ransomware, disaster_at: yesterday}", "2:44: scenario.disaster_at: is not an instant: write it as 2026-11-21T02:00:00Z"),
    "norway": ("recoveries:", "require_manifest: no\nrecoveries:", "3:19: require_manifest: must be true or false"),
    "nothing to recover": ("[ehr, documents]", "[]", "3:13: recoveries: has too few items"),
}  # fmt: skip


@pytest.mark.parametrize("case", DRILLS)
def test_what_is_wrong_with_a_drill(tmp_path: Path, case: str) -> None:
    old, new, expected = DRILLS[case]
    assert problems(write_site(tmp_path, {PLAN: edited(DRILL, old, new)})) == [f"{PLAN}:{expected}"]


def test_an_application_that_lacks_backup_or_runbook_cannot_stand_in_a_drill(tmp_path: Path) -> None:
    without_backup = edited(EHR, "backup: {repositories: [vault, shelf]}\n", "")
    without_runbook = edited(DOCUMENTS, "runbook: {kind: files}\n", "")
    files = {APP: without_backup, "inventory/applications/documents.yml": without_runbook}
    assert problems(write_site(tmp_path, files)) == [
        f"{PLAN}:3:14: recoveries[0]: `ehr` cannot be drilled: its file has no `backup`",
        f"{PLAN}:3:19: recoveries[1]: `documents` cannot be drilled: its file has no `runbook`",
    ]


def test_a_circle_of_dependencies_is_told_once_as_a_path(tmp_path: Path) -> None:
    def application(name: str, *needs: str) -> str:
        head = f"name: {name}\ntitle: {name}\ntier: 0\nobjectives: {{rto: 1h, rpo: 1h}}\n"
        return head + f"depends_on: [{', '.join(needs)}]\n"

    files = {
        f"inventory/applications/{name}.yml": application(name, *needs)
        for name, needs in {"a": ("b",), "b": ("c", "leaf"), "c": ("a",), "leaf": (), "own": ("own",)}.items()
    }
    assert problems(write_site(tmp_path, files)) == [
        "inventory/applications/a.yml:5:14: depends_on[0]: dependencies run in a circle: a → b → c → a",
        "inventory/applications/own.yml:5:14: depends_on[0]: dependencies run in a circle: own → own",
    ]


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    files = {
        "drp.yml": "version: 1\nnmae: x\n",
        REPO: edited(REPOSITORIES, "directory", "directroy"),
        APP: edited(EHR, "tier: 0", "tier: high"),
        "inventory/applications/documents.yml": "name: [",
        PLAN: edited(DRILL, "title", "titel"),
    }
    directory = write_site(tmp_path, files)
    found = [line.split(":")[0] for line in problems(directory)]
    assert set(found) == {"drp.yml", REPO, APP, "inventory/applications/documents.yml", PLAN}
    with pytest.raises(ConfigError) as caught:
        load_site(directory)
    assert caught.value.message.split("\n") == problems(directory)


def test_a_broken_file_does_not_make_others_look_wrong(tmp_path: Path) -> None:
    """A name that a broken file gives counts as existing: one mistake, one line."""
    files = {APP: edited(EHR, "tier: 0", "tier: high"), REPO: edited(REPOSITORIES, "directory", "directroy")}
    assert [line.partition(": ")[0] for line in problems(write_site(tmp_path, files))] == [
        f"{APP}:3:7",
        f"{REPO}:3:16",
    ]


def test_two_files_with_one_name(tmp_path: Path) -> None:
    assert problems(write_site(tmp_path, {"inventory/applications/other.yml": EHR})) == [
        f"inventory/applications/other.yml:1:7: name: {APP} has the same name"
    ]


def test_a_file_that_nobody_would_read_is_not_passed_over(tmp_path: Path) -> None:
    files = {
        "inventory/applications/lis.yaml": EHR,
        "inventory/applications/notes.txt": "x",
        "inventory/application/ehr.yml": EHR,
        "inventory/repository.yml": REPOSITORIES,
        "inventory/applications/.ehr.yml.swp": b"\x00",
        "inventory/applications/ehr.yml~": "x",
        "inventory/README.md": "x",
    }
    assert problems(write_site(tmp_path, files)) == [
        "inventory/application:1:1: is not read by drp; did you mean `applications`?",
        "inventory/applications/lis.yaml:1:1: is not read by drp: call it lis.yml",
        "inventory/applications/notes.txt:1:1: is not read by drp: only .yml files are",
        "inventory/repository.yml:1:1: is not read by drp; did you mean `repositories.yml`?",
    ]


def test_a_directory_or_a_dangling_link_in_the_place_of_a_file(tmp_path: Path) -> None:
    directory = write_site(tmp_path)
    (directory / "inventory/applications/a.yml").mkdir()
    (directory / "inventory/applications/b.yml").symlink_to("nowhere")
    assert problems(directory) == [
        "inventory/applications/a.yml:1:1: is not a file",
        "inventory/applications/b.yml:1:1: cannot be read: No such file or directory",
    ]


def test_a_runbook_that_lacks_a_step(tmp_path: Path) -> None:
    files = {"runbooks/own/start.yml": "[]", APP: edited(EHR, "kind: postgres", "kind: own")}
    assert problems(write_site(tmp_path, files)) == [
        f"{APP}:6:17: runbook.kind: runbook `own` lacks restore.yml, stop.yml"
    ]


def test_no_drp_yml(tmp_path: Path) -> None:
    assert problems(write_site(tmp_path, {"drp.yml": None})) == [
        "drp.yml:1:1: cannot be read: No such file or directory"
    ]
