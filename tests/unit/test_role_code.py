"""Code that came with a backup: what roles load, what they take out, and what they tell."""

from __future__ import annotations

import configparser
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.role_programs import load, prepare, taken

brake, orthanc = load("orthanc", "brake", "configuration")


def test_code_of_the_backup_is_loaded_by_its_digest_alone(tmp_path: Path) -> None:
    restored, software = tmp_path / "restore", tmp_path / "software"
    for folder in (restored, software / "plugins"):
        folder.mkdir(parents=True)
    for name in ("libWard.so", "libOrthancDicomWeb.so", "libServeFolders.so"):
        (restored / name).write_bytes(b"code of the backup")
    (software / "plugins/libOrthancDicomWeb.so").write_bytes(b"software")
    (software / "plugins/libServeFolders.so").symlink_to(restored / "libServeFolders.so")
    digest = brake.digest_of(str(restored / "libWard.so"))
    settings = {"Plugins": [str(restored)]}
    found = taken(settings, software=software, restored=restored)
    assert settings["Plugins"] == [str(software / "plugins/libOrthancDicomWeb.so")]
    assert {each["subject"]: digest in each["observed"] for each in found.notices} == {
        "plugin libWard.so": True,
        "plugin libOrthancDicomWeb.so": False,  # that of the software is loaded
        "plugin libServeFolders.so": True,  # a link of the software leads into the backup
    }
    with pytest.raises(orthanc.Limit, match=f"trust it: name libWard.so@{digest} in"):
        taken({"Plugins": [str(restored)]}, "libWard.so@sha256:0", software=software, restored=restored)
    settings = {"Plugins": [str(restored)]}
    taken(settings, f"libWard.so@{digest}", software=software, restored=restored)
    assert str(restored / "kept/libWard.so") in settings["Plugins"], "a copy, that is what was compared"


@pytest.mark.parametrize(
    ("settings", "gone"),
    [
        ({"Python": {"Path": "route.py", "Verbose": True}}, "Python route.py"),
        ({"Pkcs11": {"Module": "/data/restore/evil.so"}}, "Pkcs11 evil.so"),
        ({"ServeFolders": {"/statistics": "/data/restore/lies"}}, "ServeFolders"),
        ({"Java": {"Classpath": "x.jar"}}, "Java"),
    ],
)
def test_sections_that_load_restored_code_or_answer_with_it_are_taken_out(settings: dict[str, Any], gone: str) -> None:
    found = taken(settings)
    assert [each["subject"] for each in found.notices] == [gone]
    assert not set(settings) & {"Python", "Pkcs11", "ServeFolders", "Java"}


def test_a_driver_of_odbc_that_the_backup_brings_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "libOrthancOdbcStorage.so").touch()
    for driver, kept in (("/data/restore/evil.so", False), (f"{tmp_path}/psqlodbcw.so", True), ("PostgreSQL", True)):
        settings: dict[str, Any] = {
            "Plugins": ["libOrthancOdbcStorage.so"],
            "Odbc": {"StorageConnectionString": f"Driver={{{driver}}};Server=x"},
        }
        taken(settings, software=tmp_path)
        assert bool(settings["Plugins"]) is kept, driver


def test_a_module_of_the_backup_that_is_not_the_one_that_is_loaded_is_told(tmp_path: Path) -> None:
    program, software, restored = prepare("gnuhealth"), tmp_path / "software", tmp_path / "restore"
    for root, name, said in (
        (software, "party", "one"),
        (software, "health", "one"),
        (restored, "party", "one"),
        (restored, "health", "another"),
        (restored, "intruder", "new"),
    ):
        folder = root / "lib/site-packages/trytond/modules" / name
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "tryton.cfg").touch()
        (folder / "__init__.py").write_text(said)
        (folder / "__pycache__/x.pyc").write_text(str(root))
    assert program.other_modules(str(software), str(restored)) == [
        ("health", "is another one in the backup than in the software, which is loaded"),
        ("intruder", "lies in the backup alone, and is not loaded"),
    ]
    assert program.other_modules(str(restored), str(restored)) == []
    shutil.copytree(restored / "lib/site-packages/trytond/modules/party", restored / "lib/site-packages/party")
    assert program.other_modules(str(restored / "lib"), str(restored)) == [("party", "lies 2 times in the backup")]
    assert program.other_modules(str(software), str(tmp_path / "absent")) == []


def test_code_that_a_restored_configuration_holds_is_taken_out() -> None:
    restored = configparser.ConfigParser(interpolation=None)
    restored.read_string(
        "[wsgi middleware]\naround = a.B\n[wsgi around]\nargs = (open('x', 'w'),)\n[database]\nuri = u\n"
    )
    told = prepare("gnuhealth").without_code(restored)
    assert told == [("wsgi middleware around", "is code around the application, as its configuration says")]
    assert restored.sections() == ["database"]
