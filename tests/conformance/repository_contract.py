"""What every Repository must do, whatever is behind it. A suite inherits it and gives a `world`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from drp.domain.application import BackupJob
from drp.domain.ports import Abilities
from drp.domain.repository_port import LocksSeen, NeededObjects, PointsLookedInto, SubPaths
from drp.domain.restore import RestoreOutcome
from drp.domain.worm.attestation import LockDemand
from drp.domain.worm.judging import immutability_of
from drp.errors import NotFound, RepositoryError
from tests.support.fixtures_repositories import RepositoryWorld, application


class RepositoryContract:
    """The contract of the Repository port."""

    def test_preflight_tells_what_it_is(self, world: RepositoryWorld) -> None:
        abilities = world.repository.preflight()
        assert isinstance(abilities, Abilities)
        assert abilities.tool
        assert abilities.tool_version
        assert abilities.remarks == ()

    def test_points_are_newest_first_and_stable(self, world: RepositoryWorld) -> None:
        first = world.repository.points(world.application)
        assert tuple(point.id for point in first.points) == world.ids
        assert first == world.repository.points(world.application)
        times = [point.consistent_at for point in first.points]
        assert times == sorted(times, reverse=True)
        assert all(time.tzinfo is UTC for time in times)
        assert (first.unreadable, first.emptied) == ((), "")

    def test_points_belong_to_repository_and_application(self, world: RepositoryWorld) -> None:
        for point in world.repository.points(world.application).points:
            assert (point.repository, point.application) == (world.repository.name, world.application.name)

    def test_points_of_an_application_without_any_are_none(self, world: RepositoryWorld) -> None:
        listing = world.repository.points(application("pacs", tags=("pacs",)))
        assert (listing.points, listing.unreadable) == ((), ())

    def test_immutability_counts_what_it_saw(self, world: RepositoryWorld) -> None:
        for point in world.repository.points(world.application).points:
            seen = world.repository.immutability(point)
            assert 0 <= seen.objects_observed <= seen.objects_total
            assert seen.provenance in {"declared", "observed", "probed"}
            assert seen.retained_until is None or seen.retained_until.tzinfo is not None

    def test_what_locks_are_attested_never_passes_unseen(self, world: RepositoryWorld) -> None:
        repository = world.repository
        if not isinstance(repository, LocksSeen):  # no kind must be able to
            return
        seen = repository.attest((world.newest,), LockDemand(required=True))
        assert 0 <= seen.asked <= seen.needed
        assert sum(seen.modes.values()) == seen.asked
        assert seen.at.tzinfo is not None
        assert seen.earliest is None or seen.earliest > seen.at
        if seen.unknown or not seen.asked:
            assert {finding.severity for finding in seen.findings} & {"inconclusive", "critical"}
            assert not immutability_of(seen).holds_at(seen.at)

    def test_a_healthy_point_is_looked_into_and_one_that_is_not_there_never_passes(
        self, world: RepositoryWorld
    ) -> None:
        repository = world.repository
        if not isinstance(repository, PointsLookedInto):  # no kind must be able to
            return
        assert repository.look_into(world.newest) == ()
        folders = repository.folders_in(world.newest)
        held = {path.name for path in world.source.iterdir() if path.is_dir() and not path.is_symlink()}
        assert {folder.rpartition("/")[2] for folder in folders} == held
        gone = replace(world.newest, id="0" * 64)
        with pytest.raises(RepositoryError):
            repository.look_into(gone)

    def test_whoever_knows_what_a_point_needs_names_it_all(self, world: RepositoryWorld) -> None:
        repository = world.repository
        if not isinstance(repository, NeededObjects):  # no kind must be able to
            return
        needs = repository.needs(world.newest)
        if needs.unknown:  # the place gives its objects to the backup tool alone, and says so
            assert (len(needs.names), repository.points_needing(["config"])) == (0, None)
            assert "reads no objects" in needs.unknown
            return
        assert (needs.missing, needs.superset) == ((), False)
        assert needs.own in needs.names
        assert len(set(needs.names)) == len(needs.names) == len(list(needs.names))
        assert "nothing/of/that/name" not in needs.names
        ((point, gone),) = repository.needs_of([replace(world.newest, id="0" * 64)])
        assert point.id == "0" * 64
        assert gone.unknown
        assert len(gone.names) == 0
        if len({*world.ids}) == len(world.ids):
            assert repository.points_needing([needs.own]) == {needs.own: (world.newest.id,)}

    def test_order_runs_in_the_cell(self, world: RepositoryWorld) -> None:
        point = world.newest
        order = world.repository.restore_order(point)
        program = "/run/base/tool/" + order.executables[0].rsplit("/", 1)[-1]
        assert program in order.argv  # by itself, or after the interpreter that runs it
        assert all(path in {program, "/usr/bin/python3"} for path in order.argv[:1])
        assert order.argv[order.argv.index("--target") + 1] == "/data/files"
        assert order.source_root.startswith("/")
        assert set(order.secrets.values()) == {secret.name for secret in world.repository.secrets()}

    def test_order_of_a_part_is_of_the_same_tree_and_can_be_written_as_json(self, world: RepositoryWorld) -> None:
        """Whoever says that he restores parts takes whatever a name can be."""
        if not world.repository.preflight().restores_parts:
            pytest.skip("it restores no parts, says so, and is never asked for one")
        whole = world.repository.restore_order(world.newest)
        names = [b"a b", b"*", b"caf\xe9", b"new\nline", b"-x", b"{{ x }}"]
        part = world.repository.restore_order(world.newest, only=names)
        assert (part.source_root, part.argv[: len(whole.argv)]) == (whole.source_root, whole.argv)
        assert len(part.argv) > len(whole.argv)
        assert all(word.encode("utf-8").decode() == word for word in part.argv)
        assert world.repository.receipt(world.newest, RestoreOutcome(exit_code=1), whole=False).unrestored

    def test_whoever_knows_sub_paths_restores_one_and_says_when_there_is_nothing(self, world: RepositoryWorld) -> None:
        if not isinstance(world.repository, SubPaths):
            pytest.skip("a drill of an application with a sub-path is refused there")
        whole = world.newest.paths[0]
        for sub_path in (whole, f"{whole}/nope"):
            owned = replace(world.application, backup_job=BackupJob(sub_path=sub_path))
            point = world.repository.points(owned).points[0]
            assert (point.id, point.sub_path) == (world.newest.id, sub_path)
            held = world.repository.at_sub_path(point, counted=True)
            if sub_path != whole:
                assert sub_path in held.lacking
                with pytest.raises(RepositoryError):
                    world.repository.restore_order(point)
                continue
            assert held.lacking == ""
            assert held.size_bytes is not None
            assert held.size_bytes > 0
            order = world.repository.restore_order(point)
            assert order.source_root == world.repository.restore_order(world.newest).source_root

    def test_order_for_a_foreign_point_is_refused(self, world: RepositoryWorld) -> None:
        point = world.newest
        with pytest.raises(NotFound):
            world.repository.restore_order(replace(point, id="--help"))

    def test_secrets_are_references(self, world: RepositoryWorld) -> None:
        point = world.newest
        said = repr((world.repository.secrets(), world.repository.restore_order(point), world.repository))
        assert not [secret for secret in world.secrets if secret in said]

    def test_receipt_of_a_good_end_is_complete(self, world: RepositoryWorld) -> None:
        point = world.newest
        receipt = world.repository.receipt(
            point, RestoreOutcome(exit_code=0, summary={"bytes_restored": 5, "files_restored": 1})
        )
        assert receipt.unrestored == ()
        assert receipt.bytes_restored > 0
        assert receipt.files_restored > 0

    def test_receipt_of_a_bad_end_is_never_complete(self, world: RepositoryWorld) -> None:
        for exit_code in (1, 2, 3, -1, 99):
            assert world.repository.receipt(world.newest, RestoreOutcome(exit_code=exit_code)).unrestored

    def test_absent_repository_raises(self, world: RepositoryWorld) -> None:
        with pytest.raises(RepositoryError):
            world.absent.preflight()
        with pytest.raises(RepositoryError):
            world.absent.points(world.application)
