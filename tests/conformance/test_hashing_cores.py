"""Both cores keep to the same rules, and give the same bytes; what is not simple is handed back as it is."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import drp_hash_native
import pytest

from drp.errors import UsageError
from drp.hashing.reading import rows
from drp.hashing.reading.careful import OPEN
from drp.hashing.reading.core import NativeCore, PureCore, core_name, load
from drp.hashing.reading.digest import FileDigester
from drp.hashing.reading.observe import Observer, list_directory
from drp.hashing.reading.rows import Options, Rows
from drp.hashing.tree import create_manifest
from drp.hashing.verification import Plan, verify_tree
from drp.manifests.layout import FIXED, OWNER
from drp.manifests.opening import open_manifest
from tests.support.manifest_reader import read
from tests.support.trees import hostile, ordinary, write

BOTH = ("blake3", "sha256")


class Gate:
    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.slowest: list[tuple[bytes, int]] = []

    def __call__(self, size: int) -> None:
        self.sizes.append(size)

    def slow(self, name: bytes, seconds: float, size: int) -> None:
        assert seconds > 0
        self.slowest.append((name, size))


class Pure:
    def __init__(self, options: Options, gate: Gate) -> None:
        self.core = PureCore(FileDigester(options.algorithms, gate))

    def run(self, *arguments, **named):
        stop = self.core.run(*arguments, **named)
        for descriptor in self.core.unclosed:
            os.close(descriptor)
        self.core.unclosed = []
        return stop


class Native:
    def __init__(self, options: Options, gate: Gate) -> None:
        self.core = NativeCore(drp_hash_native, FileDigester(options.algorithms, gate), options)

    def run(self, *arguments, **named):
        return self.core.run(*arguments, **named)


class NativeAhead(Native):
    """As for files that are not in memory: two of them are open at once, and forgotten afterwards."""

    def __init__(self, options: Options, gate: Gate) -> None:
        super().__init__(options, gate)
        self.core.ahead, self.core.forget = 2, True


@pytest.fixture(params=[Pure, Native, NativeAhead])
def kind(request):
    return request.param


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "d").mkdir()
    return tmp_path / "d"


def look(kind, folder: Path, names, *, others=(), horizon=None, options=None, gate=None, flags=OPEN):
    seen = Rows([os.fsencode(name) for name in names])
    directory = os.open(folder, os.O_RDONLY)
    before = len(os.listdir("/proc/self/fd"))
    core = kind(options or Options(BOTH), gate or Gate())
    span = range(len(names))
    row, descriptor, error = core.run(
        directory,
        seen,
        span,
        {os.fsencode(name) for name in others},
        horizon=horizon or time.time_ns() + 10**9,
        flags=flags,
    )
    assert len(os.listdir("/proc/self/fd")) == before + (descriptor >= 0)
    os.close(directory)
    if descriptor >= 0:
        os.close(descriptor)
    seen.unpack()
    assert len(seen.fixed) == len(seen.owners) == len(seen.digests) == row == seen.files
    return row, descriptor >= 0, error, seen


def test_simple_files(kind, folder):
    contents = [b"", b"a", b"b" * 4096, b"c" * ((1 << 20) - 1)]
    for number, content in enumerate(contents):
        write(folder / str(number), content)
    row, handed, error, seen = look(kind, folder, ["0", "1", "2", "3"])
    assert (row, handed, error, seen.size) == (4, False, None, sum(map(len, contents)))
    for number, content in enumerate(contents):
        expected = os.stat(folder / str(number))
        assert seen.fixed[number] == FIXED.pack(expected.st_mode, len(content), expected.st_mtime_ns)
        assert seen.owners[number] == OWNER.pack(expected.st_uid, expected.st_gid)
        assert seen.digests[number] == drp_hash_native.digest(b"\0\1", content)


@pytest.mark.parametrize("algorithms", [("blake3",), ("sha256",), ("blake3", "sha256"), ("sha256", "blake3")])
def test_both_give_the_same_bytes(folder, algorithms):
    for number in range(50):
        write(folder / f"{number:02}", os.urandom(number * 997))
    names = sorted(os.listdir(folder))
    options = Options(algorithms)
    pure, native, ahead = (look(kind, folder, names, options=options)[3] for kind in (Pure, Native, NativeAhead))
    assert pure == native == ahead


@pytest.mark.parametrize(
    "what", ["link", "directory", "fifo", "symlink", "recent", "absent", "other", "huge", "sparse"]
)
def test_what_is_not_simple_is_handed_back(kind, folder, what):
    write(folder / "a", b"before")
    path, horizon, others = folder / "b", None, []
    if what == "link":
        write(folder / "first", b"x")
        path.hardlink_to(folder / "first")
    elif what == "directory":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "symlink":
        path.symlink_to("a")
    elif what in {"recent", "other"}:
        write(path, b"x")
        horizon = path.stat().st_ctime_ns if what == "recent" else None
        others = ["b"] if what == "other" else []
        if what == "recent":
            os.utime(folder / "a", ns=(1, 1))
    elif what == "huge":
        write(path, bytes(9 << 20))
    elif what == "sparse":
        with path.open("wb") as stream:
            stream.truncate(3 << 20)
    write(folder / "c", b"after")
    if what == "recent":  # what was changed before the horizon is simple
        while (folder / "c").stat().st_ctime_ns <= path.stat().st_ctime_ns:
            write(folder / "c", b"after")
        row, handed, error, _ = look(kind, folder, ["b"], horizon=horizon)
        assert (row, handed, error) == (0, True, None)
        assert look(kind, folder, ["b"], horizon=horizon + 1)[0] == 1
        return
    row, handed, error, _ = look(kind, folder, ["a", "b", "c"], others=others)
    assert row == 1
    numbers = {"symlink": errno.ELOOP, "absent": errno.ENOENT, "directory": errno.EISDIR}
    assert (error.errno if error else None) == numbers.get(what)
    assert handed == (what in {"link", "fifo", "huge", "sparse", "directory"})


def test_files_of_medium_size_are_read_to_their_end(folder):
    for size in ((1 << 20), (1 << 20) + 1, 3 << 20):
        write(folder / f"{size:08}", os.urandom(size))
    gate = Gate()
    names = sorted(os.listdir(folder))
    row, _, _, seen = look(Native, folder, names, gate=gate)
    assert row == 3
    assert sum(gate.sizes) == seen.size == (5 << 20) + 1
    assert gate.slowest[0][0] in {os.fsencode(name) for name in names}
    for name, digest in zip(names, seen.digests, strict=True):
        assert digest == drp_hash_native.digest(b"\0\1", (folder / name).read_bytes())
    assert look(Native, folder, names, options=Options(BOTH, large=1 << 20))[0] == 0


def test_the_compiled_core_comes_back_in_between(folder, monkeypatch):
    monkeypatch.setattr("drp.hashing.reading.core._BUDGET", 1 << 20)
    for number in range(5):
        write(folder / str(number), bytes(1 << 20))
    gate = Gate()
    assert look(Native, folder, list("01234"), gate=gate)[0] == 5
    assert gate.sizes == [1 << 20] * 5


@pytest.mark.parametrize(
    ("place", "value"),
    [(2, -1), (3, 99), (1, ["text"]), (1, [b"a\0b"]), (1, (b"a",)), (4, None), (5, os.O_RDWR), (5, os.O_CREAT), (6, memoryview(b"read only")),
     (6, memoryview(bytearray(10))), (8, b""), (8, b"\2"), (8, b"\0\0"), (8, b"\0\1\0"), (11, -1), (11, 5000)],
)  # fmt: skip
def test_the_compiled_core_refuses_nonsense(folder, place, value):
    write(folder / "a", b"x")
    directory = os.open(folder, os.O_RDONLY)
    buffer = memoryview(bytearray(1 << 16))
    arguments = [directory, [b"a"], 0, 1, set(), OPEN, buffer, 0, b"\0", 1 << 20, 1 << 20, 0, False, False]
    assert drp_hash_native.look(*arguments)[0] == 0
    arguments[place] = value
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises((ValueError, TypeError, BufferError)):
        drp_hash_native.look(*arguments)
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(directory)


def test_lists_what_python_lists(tmp_path):
    for tree in (hostile(tmp_path / "hostile"), ordinary(tmp_path / "ordinary")):
        for directory, _, _ in os.walk(os.fsencode(tree)):
            descriptor = os.open(directory, os.O_RDONLY)
            expected = list_directory(descriptor)
            listed = Observer(Options(BOTH, core="native"), Gate()).list(descriptor)
            os.close(descriptor)
            assert listed == expected
    with pytest.raises(OSError, match="Bad file descriptor"):
        drp_hash_native.entries(999)


def test_both_make_the_same_merkle_root(tmp_path, monkeypatch):
    tree = hostile(tmp_path / "tree")
    (tree / "many").mkdir()
    for number in range(300):
        write(tree / "many" / f"{number:03}", b"%d" % number)
    monkeypatch.setattr(os, "urandom", bytes)  # the key of both manifests
    roots, tools = set(), []
    for core in ("pure", "native"):
        create_manifest(tree, tmp_path / core, application="a", options=Options((), core=core), algorithms=BOTH)
        with open_manifest(tmp_path / core) as manifest:
            roots.add(manifest.trailer["merkle_root"])
            tools.append(manifest.header["tool"])
        read((tmp_path / core).read_bytes())  # which refuses another root than that of the entries
    assert len(roots) == 1
    assert tools == ["drp, pure core", f"drp, native {drp_hash_native.VERSION} core"]


def test_a_comparison_says_which_core_computed_it(tmp_path):
    tree = ordinary(tmp_path / "tree")
    create_manifest(tree, tmp_path / "m", application="a", options=Options((), core="native"))
    for core, name in (("pure", "pure"), ("native", f"native {drp_hash_native.VERSION}")):
        found = verify_tree(tree, tmp_path / "m", Plan(options=Options((), core=core))).difference
        assert found.clean
        assert found.core == name


def test_the_compiled_core_is_optional(monkeypatch, tmp_path):
    assert load("auto") is load("native") is drp_hash_native
    assert load("pure") is None
    assert rows.Options(()).core == "auto"
    with pytest.raises(UsageError, match="unknown core"):
        load("fast")
    monkeypatch.setattr(drp_hash_native, "INTERFACE", 1)
    assert core_name("auto") == "pure"
    with pytest.raises(UsageError, match="not installed here"):
        create_manifest(tmp_path, tmp_path / "m", application="a", options=Options((), core="native"))
    (tmp_path / "tree").mkdir()
    write(tmp_path / "tree/file", b"content")
    create_manifest(tmp_path / "tree", tmp_path / "m", application="a", workers=1)
    with pytest.raises(UsageError, match="not installed here"):
        verify_tree(tmp_path / "tree", tmp_path / "m", Plan(options=Options((), core="native")))
    monkeypatch.undo()
    monkeypatch.setattr(drp_hash_native, "sound", lambda: False)
    assert load("auto") is None
    monkeypatch.undo()
    monkeypatch.setitem(__import__("sys").modules, "drp_hash_native", None)
    assert load("auto") is None
