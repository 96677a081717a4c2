"""Entry points read from files are those that the library finds, whatever lies on the path."""

from __future__ import annotations

import importlib.metadata
import zipfile
from pathlib import Path

import pytest

from drp.offers import Offer, offers


def install(folder: Path, stem: str, text: str, metadata: str = "Name: some-plugins\nVersion: 1.0\n") -> None:
    information = folder / stem
    information.mkdir(parents=True)
    (information / ("METADATA" if stem.endswith("dist-info") else "PKG-INFO")).write_text(
        f"Metadata-Version: 2.1\n{metadata}"
    )
    (information / "entry_points.txt").write_text(text)


@pytest.mark.parametrize("group", ["drp.verifiers", "drp.repositories", "console_scripts", "pytest11", "no.such.group"])
def test_what_is_installed_here_is_what_the_library_finds(group):
    known = importlib.metadata.entry_points(group=group)
    assert set(offers(group)) == {Offer(each.name, each.value, each.dist.name, each.dist.version) for each in known}


def test_it_is_read_as_the_specification_says(tmp_path, monkeypatch):
    text = "# a comment\n[other]\nx = other:X\n\n[drp.tried]\n b = package.module : Thing.inner [extra] \n#c = no:No\na=package:A\n"
    install(tmp_path, "some_plugins-1.0.dist-info", text)
    monkeypatch.syspath_prepend(str(tmp_path))
    a, b = offers("drp.tried")
    assert (a.name, a.value, a.module, a.whose) == ("a", "package:A", "package", "some-plugins 1.0")
    assert (b.name, b.module) == ("b", "package.module")


def test_of_two_of_one_name_the_first_on_the_path_counts(tmp_path, monkeypatch):
    install(tmp_path / "later", "Some.Plugins-0.9.dist-info", "[drp.tried]\nold = package:Old\n")
    install(tmp_path / "first", "some_plugins-1.0.dist-info", "[drp.tried]\nnew = package:New\n")
    monkeypatch.syspath_prepend(str(tmp_path / "later"))
    monkeypatch.syspath_prepend(str(tmp_path / "first"))
    assert [each.name for each in offers("drp.tried")] == ["new"]
    assert [each.name for each in importlib.metadata.entry_points(group="drp.tried")] == ["new"]


def test_what_is_no_folder_of_distributions_is_left_to_the_library(tmp_path, monkeypatch):
    install(tmp_path / "egg", "some_plugins.egg-info", "[drp.tried]\negg = package:Egg\n")
    with zipfile.ZipFile(tmp_path / "plugins.zip", "w") as archive:
        archive.writestr("zipped-2.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: zipped\nVersion: 2.0\n")
        archive.writestr("zipped-2.0.dist-info/entry_points.txt", "[drp.tried]\nzipped = package:Zipped\n")
    for place in ("egg", "plugins.zip"):
        monkeypatch.syspath_prepend(str(tmp_path / place))
    found = {each.name: each.whose for each in offers("drp.tried")}
    assert found == {"egg": "some-plugins 1.0", "zipped": "zipped 2.0"}


def test_what_cannot_be_read_offers_nothing(tmp_path, monkeypatch):
    install(tmp_path, "broken-1.0.dist-info", "")
    (tmp_path / "broken-1.0.dist-info/entry_points.txt").write_bytes(b"[drp.tried]\n\xff = a:b\n")
    (tmp_path / "empty-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert offers("drp.tried") == ()
