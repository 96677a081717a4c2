"""Kinds of repositories by name: one that cannot be loaded is named with its package, and hurts nobody else."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from drp.config.site import check_site, load_site
from drp.domain.repository import DirectoryLocation, RepositorySettings
from drp.errors import PluginError, Untrusted
from drp.repositories.dialects import dialect
from drp.repositories.kind import kind_names, package_of, trial_of
from tests.support.sites import write_site

REPOSITORIES = """version: 1
repositories:
  vault: {location: {directory: v}, password: {credential: vault}}
  tapes:
    kind: KIND
    location: {directory: /srv/tapes}
"""


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings a kind and a dialect, and cannot be imported."""
    home = tmp_path / "packages" / "drp_tapes-1.4.dist-info"
    home.mkdir(parents=True)
    (home / "METADATA").write_text("Metadata-Version: 2.1\nName: drp-tapes\nVersion: 1.4\n")
    groups = ("drp.repositories", "drp.dialects")
    (home / "entry_points.txt").write_text("".join(f"[{group}]\ntapes = drp_tapes:KIND\n" for group in groups))
    (home.parent / "drp_tapes.py").write_text("import tape_driver_that_is_not_there\n")
    monkeypatch.syspath_prepend(str(home.parent))
    sys.modules.pop("drp_tapes", None)


@pytest.mark.usefixtures("broken")
def test_a_kind_that_cannot_be_imported_is_named_where_it_is_used(tmp_path: Path) -> None:
    site = write_site(tmp_path / "site", {"inventory/repositories.yml": REPOSITORIES.replace("KIND", "tapes")})
    (problem,) = [each for each in check_site(site) if each.file == "inventory/repositories.yml"]
    assert (problem.where, problem.position.line) == ("repositories.tapes.kind", 5)
    assert "drp-tapes 1.4 cannot be loaded" in problem.message
    assert "tape_driver_that_is_not_there" in problem.message


@pytest.mark.usefixtures("broken")
def test_a_kind_that_cannot_be_imported_hurts_nobody_else(tmp_path: Path) -> None:
    text = REPOSITORIES.partition("  tapes:")[0]
    settings = load_site(write_site(tmp_path / "site", {"inventory/repositories.yml": text})).repository("vault")
    assert settings.kind == "restic"
    assert kind_names() == ("copies", "restic", "tapes")
    assert "python3" in trial_of("copies")
    for look in (lambda: trial_of("tapes"), lambda: dialect("tapes")):
        with pytest.raises(PluginError, match=r"drp-tapes 1\.4"):
            look()
    assert dialect("none").read("text").words == "text"


@pytest.mark.parametrize(
    ("kind", "said"),
    [("copie", "did you mean copies?"), ("borg", "installed are: copies, restic"), ('""', "must not be empty")],
)
def test_an_unknown_kind_is_refused_where_it_stands(tmp_path: Path, kind: str, said: str) -> None:
    site = write_site(tmp_path, {"inventory/repositories.yml": REPOSITORIES.replace("KIND", kind)})
    (problem,) = [each for each in check_site(site) if each.file == "inventory/repositories.yml"]
    assert (problem.where, problem.position.line) == ("repositories.tapes.kind", 5)
    assert said in problem.message


@pytest.mark.usefixtures("broken")
def test_code_that_others_can_change_is_not_loaded(tmp_path: Path) -> None:
    module, ran = tmp_path / "packages" / "drp_tapes.py", tmp_path / "ran"
    module.write_text(f"open({str(ran)!r}, 'w').close()\n")
    module.chmod(0o666)
    site = write_site(tmp_path / "site", {"inventory/repositories.yml": REPOSITORIES.replace("KIND", "tapes")})
    for look in (lambda: check_site(site), lambda: trial_of("tapes")):
        with pytest.raises(Untrusted, match=r"drp_tapes\.py"):
            look()
    assert not ran.exists()
    settings = RepositorySettings(name="tapes", kind="tapes", location=DirectoryLocation(path=tmp_path))
    assert package_of(settings) == (module,)
    assert package_of(replace(settings, kind="copies")) == ()
