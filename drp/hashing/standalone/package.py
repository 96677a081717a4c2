"""Packs the hashing core into one file, `drp-hash`, that runs on hosts with nothing but Python.

The file is a zip that Python runs (PEP 441): the modules, and the compiled parts of blake3 and zstandard for the Python
that packed it. Where another Python runs it, it takes those installed there, or does without: SHA-256 and zlib.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import io
import py_compile
import struct
import tempfile
import zipfile
from pathlib import Path

import drp
from drp.atomic import write_atomically

_FOUNDATION = """errors atomic clock domain/__init__ domain/clock domain/duration domain/phrase domain/phrase_form
domain/visible domain/strict_json domain/manifest domain/sample"""
_FORMAT = "attributes codec container frame frame_check header_check layout merkle opening part reader row writer"
_CORE = """creation directory_check judge outcome sampling selection tally unjudged verification words
reading/__init__ reading/careful reading/core reading/descent reading/device reading/digest reading/observe reading/rows
standalone/__init__ standalone/main
workers/__init__ workers/checkpoint workers/create_job workers/create_worker workers/pool workers/shared
workers/verify_job workers/verify_worker workers/wire workers/worker"""
_MODULES = (
    *_FOUNDATION.split(),
    *(f"manifests/{name}" for name in ("__init__", *_FORMAT.split())),
    *(f"hashing/{name}" for name in _CORE.split()),
)
_NATIVE = {"blake3": "blake3.blake3", "zstandard": "zstandard.backend_c", "drp_hash_native": "drp_hash_native"}
_ELF, _ELF_HEADER, _SEGMENT = b"\x7fELF\x02\x01", struct.Struct("<32xQQ6xHHHHH"), struct.Struct("<8xQ16xQ")
"""elf(5), 64 bits, little endian; of the header: e_phoff, e_shoff, sizes, counts; of a segment: p_offset, p_filesz."""
_SHEBANG = b"#!/usr/bin/env -S python3 -I -S\n"
_MAIN = '''"""Loads the compiled parts from memory, then runs the core."""
import gc

gc.disable()  # until everything is loaded: there is nothing to collect
import contextlib
import importlib.machinery
import importlib.util
import os
import sys

archive = sys.path[0]


def load(name, inner):
    """Load a compiled module of this very Python from the archive, through an anonymous file in memory."""
    import zipimport

    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        try:
            content = zipimport.zipimporter(archive).get_data("native/" + name + suffix)
        except OSError:
            continue
        descriptor = os.memfd_create(name)
        os.write(descriptor, content)
        loader = importlib.machinery.ExtensionFileLoader(inner, "/proc/self/fd/%d" % descriptor)
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader(inner, loader))
        loader.exec_module(module)  # the descriptor stays open: the loader knows libraries by their path
        sys.modules[name] = module
        return True
    return False


def prepare():
    """Load what is compiled; where that is for another Python, look at what is installed."""
    whole = True
    for name, inner in (("blake3", "blake3"), ("zstandard", "backend_c")):
        try:
            whole = load(name, inner) and whole
        except (ImportError, OSError):
            whole = False
    with contextlib.suppress(ImportError, OSError):
        load("drp_hash_native", "drp_hash_native")  # the compiled core; the others do without it
    if not whole and sys.flags.no_site:
        import site

        site.main()


prepare()
from drp.hashing.standalone.main import main

gc.freeze()
gc.enable()
status = main(sys.argv[1:])
try:
    sys.stdout.flush()
    sys.stderr.flush()
except OSError:
    status = status or 120  # as Python itself ends then
os._exit(status)  # nothing is left to clean up, and taking the interpreter down takes as long as an eighth of a start
'''


def pack(output: Path) -> int:
    """Write `drp-hash` to ``output``, executable; return its size. Raises ``StorageFull``."""
    buffer = io.BytesIO()
    buffer.write(_SHEBANG)
    source = Path(drp.__file__).parent
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        _add(archive, "__main__", _MAIN.encode())
        _add(archive, "dataclasses", (source / "hashing" / "standalone" / "plain_dataclasses.py").read_bytes())
        _add(archive, "drp/__init__", b'"""The hashing core of drp."""\n')
        _add(archive, "drp/hashing/__init__", b'"""The hashing core of drp."""\n')
        for module in _MODULES:
            _add(archive, f"drp/{module}", (source / f"{module}.py").read_bytes())
        for name, inner in _NATIVE.items():
            found = importlib.util.find_spec(inner)
            if found is not None and found.origin is not None:
                suffix = next(one for one in importlib.machinery.EXTENSION_SUFFIXES if found.origin.endswith(one))
                content = _loadable(Path(found.origin).read_bytes())
                archive.writestr(zipfile.ZipInfo(f"native/{name}{suffix}"), content)
    content = buffer.getvalue()
    write_atomically(output, content, mode=0o755)
    return len(content)


def _loadable(library: bytes) -> bytes:
    """Return a shared library without what is not loaded: symbols for debuggers can be nine tenths of it."""
    if library[: len(_ELF)] != _ELF:
        return library
    segments, _, size, count, *_ = _ELF_HEADER.unpack_from(library)
    found = [_SEGMENT.unpack_from(library, segments + number * size) for number in range(count)]
    end = max(offset + length for offset, length in found)
    head = bytearray(library[: _ELF_HEADER.size])
    head[0x28:0x30] = bytes(8)  # e_shoff
    head[0x3C:0x40] = bytes(4)  # e_shnum, e_shstrndx
    return bytes(head) + library[_ELF_HEADER.size : end]


def _add(archive: zipfile.ZipFile, name: str, source: bytes) -> None:
    """Add a module, and compiled for this Python: it starts faster, and others take the source."""
    archive.writestr(zipfile.ZipInfo(f"{name}.py"), source)
    with tempfile.TemporaryDirectory() as folder:
        plain, compiled = Path(folder) / "module.py", Path(folder) / "module.pyc"
        plain.write_bytes(source)
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(plain), str(compiled), dfile=f"{name}.py", doraise=True, invalidation_mode=mode)
        archive.writestr(zipfile.ZipInfo(f"{name}.pyc"), compiled.read_bytes())
