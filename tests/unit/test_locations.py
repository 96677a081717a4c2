"""Places of repositories by name: what another package brings is loaded only where a site names it, and trusted first."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from drp.codec import to_data
from drp.config.locations import LOCATIONS, Given
from drp.config.site import check_site, load_site
from drp.config.whereabouts import place_of
from drp.domain.repository import DirectoryLocation, RepositorySettings
from drp.errors import Untrusted, UsageError
from drp.repositories.kind import package_of
from tests.support.sites import write_site

FILE = "inventory/repositories.yml"
REPOSITORIES = """version: 1
repositories:
  vault: {location: {directory: v}, password: {credential: vault}}
  tapes:
    location: {PLACE: {library: a}}
    password: {credential: tapes}
"""
MODULE = """
from drp.config.schema import Strict
from drp.config.values import Text
from drp.domain.repository import DirectoryLocation

class LibraryFile(Strict):
    library: Text

class LibraryLocation(DirectoryLocation):
    kind = "tape_library"

class Library:
    name, file, meaning, is_folder, address = "tape_library", LibraryFile, "A library.", True, ""
    worm_keys = frozenset({"mode", "sacrifice"})

    def location(self, said, site):
        return LibraryLocation(path=site / said.library)

LIBRARY = Library()
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that brings a place."""
    home = tmp_path / "packages" / "drp_library-1.4.dist-info"
    home.mkdir(parents=True)
    (home / "METADATA").write_text("Metadata-Version: 2.1\nName: drp-library\nVersion: 1.4\n")
    (home / "entry_points.txt").write_text("[drp.locations]\ntape_library = drp_library:LIBRARY\n")
    found = home.parent / "drp_library.py"
    found.write_text(MODULE)
    monkeypatch.syspath_prepend(str(home.parent))
    monkeypatch.delitem(sys.modules, "drp_library", raising=False)
    return found


def test_a_place_of_another_package_is_one_key_more(tmp_path: Path, module: Path) -> None:
    site = load_site(write_site(tmp_path / "site", {FILE: REPOSITORIES.replace("PLACE", "tape_library")}))
    settings = site.repository("tapes")
    assert settings.location.folder == tmp_path / "site" / "a"
    assert package_of(settings) == (module,)
    assert to_data(settings)["location"] == {"path": str(tmp_path / "site" / "a")}
    assert package_of(site.repository("vault")) == ()


def test_what_no_file_names_is_not_loaded(tmp_path: Path, module: Path) -> None:
    module.write_text("raise SystemExit(9)\n")
    text = REPOSITORIES.partition("  tapes:")[0]
    assert load_site(write_site(tmp_path / "site", {FILE: text})).repository("vault").location.kind == "directory"
    assert "tape_library" in LOCATIONS.names()


def test_a_place_that_cannot_be_imported_is_named_where_it_stands(tmp_path: Path, module: Path) -> None:
    module.write_text("import library_driver_that_is_not_there\n")
    site = write_site(tmp_path / "site", {FILE: REPOSITORIES.replace("PLACE", "tape_library")})
    (problem,) = [each for each in check_site(site) if each.file == FILE]
    assert (problem.where, problem.position.line) == ("repositories.tapes.location.tape_library", 5)
    assert "drp-library 1.4 cannot be loaded" in problem.message


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("place", "said"), [("tape_librar", "did you mean `tape_library`?"), ("drectory", "did you mean `directory`?")]
)
def test_an_unknown_place_is_refused_with_the_one_that_was_meant(tmp_path: Path, place: str, said: str) -> None:
    site = write_site(tmp_path / "site", {FILE: REPOSITORIES.replace("PLACE", place)})
    (problem,) = [each for each in check_site(site) if each.file == FILE and "unknown" in each.message]
    assert (problem.where, problem.position.line) == (f"repositories.tapes.location.{place}", 5)
    assert said in problem.message


@pytest.mark.usefixtures("module")
def test_what_is_wrong_within_a_place_is_told_where_it_stands(tmp_path: Path) -> None:
    said = REPOSITORIES.replace("PLACE", "tape_library").replace("library: a", "librar: a")
    found = [each for each in check_site(write_site(tmp_path / "site", {FILE: said})) if each.file == FILE]
    assert any("did you mean `library`?" in each.message for each in found)


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("worm", "said"),
    [
        ("{scratch_bucket: b}", "`tape_library` reads no `scratch_bucket` of `worm`, only `mode`, `sacrifice`"),
        ("{mode: governance, sacrifice: s}", ""),
        ("{}", ""),
    ],
)
def test_what_nothing_would_read_of_worm_is_refused(tmp_path: Path, worm: str, said: str) -> None:
    text = REPOSITORIES.replace("PLACE", "tape_library") + f"    worm: {worm}\n"
    found = [str(each.message) for each in check_site(write_site(tmp_path / "site", {FILE: text})) if each.file == FILE]
    assert [each for each in found if "worm" in each] == ([said] if said else [])


def test_a_scratch_bucket_without_keys_to_try_it_with_is_refused(tmp_path: Path) -> None:
    place = "s3: {endpoint: https://s3.example, bucket: b, access_key: {credential: a}, secret_key: {credential: s}}"
    text = REPOSITORIES.replace("PLACE: {library: a}", place) + "    worm: {scratch_bucket: c}\n"
    found = [str(each.message) for each in check_site(write_site(tmp_path / "site", {FILE: text})) if each.file == FILE]
    assert any("give them too" in each for each in found)


def test_code_that_others_can_change_is_not_loaded(tmp_path: Path, module: Path) -> None:
    ran = tmp_path / "ran"
    module.write_text(f"open({str(ran)!r}, 'w').close()\n")
    module.chmod(0o666)
    site = write_site(tmp_path / "site", {FILE: REPOSITORIES.replace("PLACE", "tape_library")})
    with pytest.raises(Untrusted, match=r"drp_library\.py"):
        check_site(site)
    assert not ran.exists()


def test_a_location_is_written_as_what_it_is(tmp_path: Path) -> None:
    settings = RepositorySettings(name="a", kind="restic", location=DirectoryLocation(path=tmp_path))
    assert to_data(settings)["location"] == {"path": str(tmp_path)}


@pytest.mark.parametrize("said", ["sftp:backup@host:/srv", "azure:container:/", "medium:SHELF"])
def test_a_scheme_that_is_not_read_is_no_directory(said: str) -> None:
    with pytest.raises(UsageError):
        place_of(said, Given())


@pytest.mark.parametrize("said", ["/srv/backup", "odd:name", "kept/2026-11-28T02:00"])
def test_everything_else_is_a_directory(said: str) -> None:
    assert place_of(said, Given()) == {"directory": str(Path(said).absolute())}
