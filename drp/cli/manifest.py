"""`drp manifest …`: make manifests, verify trees against them, look into them, prove and export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from drp.cli.noun import noun
from drp.domain.phrase import Size, say

app = noun("Manifests: what was backed up, path by path.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, max=256, help="Processes, exactly; default: by --device.")
]
Rate = Annotated[str, typer.Option("--max-rate", help="Bytes a second to read at most, as in 200M; 0: no cap.")]
Nice = Annotated[int, typer.Option("--nice", min=0, max=19, help="Lower the priority of the workers.")]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Look at every file before and after it is read, instead of trusting a change time that lies safely in "
        "the past: for clocks that run apart. Always done on network file systems.",
    ),
]
Direct = Annotated[bool, typer.Option("--direct", help="Read past the page cache, to prove the medium itself.")]
Tree = Annotated[Path, typer.Argument(help="Root of the tree.")]
File = Annotated[Path, typer.Argument(help="The manifest.")]


class Algorithm(StrEnum):
    """Which digests a manifest holds."""

    BLAKE3 = "blake3"
    SHA256 = "sha256"
    BOTH = "both"


class Core(StrEnum):
    """What computes."""

    AUTO = "auto"
    PURE = "pure"
    NATIVE = "native"


class Device(StrEnum):
    """What a tree lies on."""

    AUTO = "auto"
    SPINNING = "spinning"
    SSD = "ssd"
    NETWORK = "network"
    MEMORY = "memory"


Computes = Annotated[
    Core,
    typer.Option(
        "--core",
        help="What computes the digests, which are the same: Python (pure), or the compiled drproof-hash-native "
        "(native). auto takes the compiled one where it is installed.",
    ),
]
Lies = Annotated[
    Device,
    typer.Option(
        "--device",
        help="What the tree lies on. In memory: a process a core. Not in memory: spinning 1, ssd 8 or one a core, "
        "network 16 or two a core. auto asks the kernel, and doubts it when it says spinning: it begins with 1 and "
        "adds more where that is faster than a spindle.",
    ),
]


class Form(StrEnum):
    """Formats of other tools."""

    B3SUM = "b3sum"
    SHA256SUM = "sha256sum"
    BAGIT = "bagit"
    MTREE = "mtree"


@app.command()
def create(
    path: Tree,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write, whole or not at all.")] = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="Directory of manifests: written as APPLICATION/ID.drpm below it.")
    ] = None,
    algorithm: Annotated[Algorithm, typer.Option(help="BLAKE3 is fast; SHA-256 where a rule asks for it.")] = (
        Algorithm.BLAKE3
    ),
    application: Annotated[str, typer.Option(help="Name of the application the tree belongs to.")] = "",
    facts: Annotated[
        str, typer.Option(help="JSON file (- for standard input) with what the application says of itself.")
    ] = "",
    recovery_point: Annotated[str, typer.Option(help="Id of the recovery point, when it is known.")] = "",
    attributes: Annotated[
        bool, typer.Option("--attributes/--no-attributes", help="Cover extended attributes, ACLs and capabilities.")
    ] = True,
    xattrs: Annotated[bool, typer.Option("--xattrs", hidden=True, help="The default now.")] = False,
    workers: Workers = None,
    max_rate: Rate = "0",
    nice: Nice = 0,
    direct: Direct = False,
    strict: Strict = False,
    device: Lies = Device.AUTO,
    core: Computes = Core.AUTO,
    machine: Json = False,
) -> int:
    """Make the manifest of a tree, before it is backed up. Exit 3 when entries of it could not be read."""
    from drp.cli import manifest_options as options
    from drp.cli import manifest_views as views
    from drp.errors import UsageError
    from drp.hashing.reading.rows import Options

    if (output is None) == (into is None):
        raise UsageError("say where the manifest goes", hint="use either `-o FILE` or `--into DIRECTORY`")
    algorithms = ("blake3", "sha256") if algorithm is Algorithm.BOTH else (algorithm.value,)
    return views.create(
        path,
        output=output,
        into=into,
        application=application,
        facts=options.read_facts(facts),
        recovery_point=recovery_point,
        options=Options(
            algorithms,
            attributes=None if attributes or xattrs else (),
            direct=direct,
            strict=strict,
            core=core.value,
        ),
        device=device.value,
        workers=workers,
        rate=options.rate(max_rate),
        nice=nice,
        machine=machine,
    )


@app.command()
def verify(
    path: Tree,
    manifest: Annotated[Path, typer.Option("--manifest", "-m", help="The manifest to verify against.")],
    sample: Annotated[
        str, typer.Option(help="Only some files: a share (1%), a number (3000), or one turn of a rotation (3/26).")
    ] = "",
    seed: Annotated[str, typer.Option(help="What the draw follows from; default: a fresh one, which is said.")] = "",
    below: Annotated[
        str, typer.Option(help="Folder of the manifest that the tree is of, below the manifest's root; default: all.")
    ] = "",
    strata: Annotated[bool, typer.Option("--strata", help="Draw from every class of size and age.")] = False,
    ledger: Annotated[
        Path | None, typer.Option(help="Ledger of a rotation: takes the next turn, and says what is covered.")
    ] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="File to go on from when interrupted.")] = None,
    uid_offset: Annotated[int, typer.Option(help="What the restore added to every owner.")] = 0,
    owners: Annotated[bool, typer.Option("--owners/--no-owners", help="Whether owners are judged.")] = True,
    spare_cache: Annotated[
        bool, typer.Option("--spare-cache", help="Leave the page cache of this host as it was.")
    ] = False,
    workers: Workers = None,
    max_rate: Rate = "0",
    nice: Nice = 0,
    direct: Direct = False,
    strict: Strict = False,
    device: Lies = Device.AUTO,
    core: Computes = Core.AUTO,
    machine: Json = False,
) -> int:
    """Verify a tree: exit 0 as recorded, 1 departures, 3 something could not be read. USR1 pauses, USR2 goes on."""
    from drp.cli import manifest_options as options
    from drp.cli import manifest_views as views
    from drp.hashing.reading.rows import Options
    from drp.hashing.verification import Plan

    plan = Plan(
        uid_offset=uid_offset if owners else None,
        sample=options.sample(sample, seed, ledger, stratified=strata),
        below=options.below(below),
        checkpoint=checkpoint,
        workers=workers,
        options=Options((), direct=direct, strict=strict, spare_cache=spare_cache, core=core.value),
        device=device.value,
        rate=options.rate(max_rate),
        nice=nice,
    )
    return views.verify(path, manifest, plan, ledger=ledger, machine=machine)


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="The older manifest.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The newer manifest.")],
    machine: Json = False,
) -> int:
    """Tell how manifest B departs from manifest A, without any tree: exit 0 the same, 1 different."""
    from drp.cli import manifest_views as views

    return views.diff(before, after, machine=machine)


@app.command()
def show(
    manifest: File,
    tree: Annotated[bool, typer.Option("--tree", help="List every entry.")] = False,
    machine: Json = False,
) -> None:
    """Show what a manifest says about itself; with --tree --json: one JSON line an entry."""
    from drp.cli import manifest_views as views

    views.show(manifest, tree=tree, machine=machine)


@app.command()
def prove(
    manifest: File,
    path: Annotated[str, typer.Argument(help="Path of the entry, relative to the root of the tree.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; default: standard output.")] = None,
) -> None:
    """Prove that one entry is in a manifest, without showing the others."""
    from drp.cli import manifest_proofs

    manifest_proofs.prove(manifest, path, output)


@app.command("check-proof")
def check_proof(
    proof: Annotated[Path, typer.Argument(help="The proof.")],
    root: Annotated[
        str, typer.Option("--root", help="Merkle root that you know from elsewhere; default: the one in the proof.")
    ] = "",
    file: Annotated[Path | None, typer.Option("--file", help="A file that must be the proven one.")] = None,
    machine: Json = False,
) -> int:
    """Check a proof, and with --file that a file is the one it speaks of. Exit 14 when it does not hold."""
    from drp.cli import manifest_proofs

    return manifest_proofs.check_proof(proof, root, file, machine=machine)


@app.command()
def export(
    manifest: File,
    form: Annotated[Form, typer.Option("--format", "-f", help="The other tool's format.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; default: standard output.")] = None,
) -> None:
    """Write a manifest in the format of another tool; run that tool from the root of the tree."""
    from drp.cli import manifest_views as views

    views.export(manifest, form.value, output)


@app.command()
def tool(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("drp-hash"),
) -> None:
    """Write `drp-hash`: one file with the hashing core, for hosts that have only Python."""
    from drp.cli import render
    from drp.hashing.standalone.package import pack

    size = pack(output)
    render.line(say("{path} ({size})", path=output, size=Size(size)))
