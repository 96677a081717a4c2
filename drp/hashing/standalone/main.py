"""`drp-hash`: the hashing core as one file for hosts without drp. Made by `drp manifest tool`, see `package`.

It must start fast and needs only Python's standard library; what it prints is for machines, as is how it ends:
0 as recorded, 1 departures, 2 usage, 3 something could not be read, 10 no usable manifest or tree.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drp.errors import DrpError, UsageError

USAGE = """usage: drp-hash create TREE -o FILE [--algorithm blake3|sha256|both] [--application NAME] [--no-attributes]
       drp-hash verify TREE --manifest FILE [--uid-offset N | --no-owners] [--checkpoint FILE]
       drp-hash show FILE
Both take --workers N, --max-rate BYTES, --direct, --strict, --core auto|pure|native, and
       --device auto|spinning|ssd|network|memory.
Every command prints one JSON document."""
_VALUES = {
    "-o",
    "--manifest",
    "--algorithm",
    "--application",
    "--workers",
    "--uid-offset",
    "--checkpoint",
    "--max-rate",
    "--device",
    "--core",
}
_FLAGS = {"--xattrs", "--no-attributes", "--no-owners", "--direct", "--strict", "--spare-cache"}
_ARGUMENTS = {"create": 1, "verify": 1, "show": 1}


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit status."""
    try:
        if not arguments or arguments[0] in {"-h", "--help"}:
            sys.stderr.write(USAGE + "\n")
            return 0 if arguments else 2
        command, places, options = _parse(arguments)
        return _COMMANDS[command](places[0], options)
    except DrpError as error:
        sys.stderr.write(f"drp-hash: {error}\n")
        return error.exit_status


def _parse(arguments: Sequence[str]) -> tuple[str, list[str], dict[str, str]]:
    command, rest = arguments[0], list(arguments[1:])
    places: list[str] = []
    options: dict[str, str] = {}
    while rest:
        word = rest.pop(0)
        if word in _FLAGS:
            options[word] = "yes"
        elif word in _VALUES and rest:
            options[word] = rest.pop(0)
        elif word.startswith("-") and word != "-":
            raise UsageError(f"unknown or incomplete option {word}", hint=USAGE)
        else:
            places.append(word)
    if command not in _COMMANDS or len(places) != _ARGUMENTS[command]:
        raise UsageError("that is not how drp-hash is called", hint=USAGE)
    return command, places, options


def _number(options: dict[str, str], name: str, default: int | None) -> int | None:
    if name not in options:
        return default
    try:
        return int(options[name])
    except ValueError:
        raise UsageError(f"{name} needs a number, not {options[name]!r}", hint=USAGE) from None


def _say(sentence: str) -> None:
    sys.stderr.write(f"drp-hash: {sentence}\n")


def _device(options: dict[str, str]) -> Any:
    return options.get("--device", "auto")  # `depth` refuses what it does not know


def _create(tree: str, options: dict[str, str]) -> int:
    from drp.hashing.creation import create_manifest  # noqa: PLC0415 - each command loads what it needs
    from drp.hashing.reading.rows import Options  # noqa: PLC0415 - as above

    if "-o" not in options:
        raise UsageError("say where the manifest goes: -o FILE", hint=USAGE)
    asked = options.get("--algorithm", "blake3")
    algorithms = ("blake3", "sha256") if asked == "both" else (asked,)
    summary = create_manifest(
        Path(tree),
        Path(options["-o"]),
        application=options.get("--application", ""),
        algorithms=algorithms,
        workers=_number(options, "--workers", None),
        rate=float(_number(options, "--max-rate", 0) or 0),
        options=Options(
            algorithms,
            attributes=() if "--no-attributes" in options else None,
            direct="--direct" in options,
            strict="--strict" in options,
            core=options.get("--core", "auto"),
        ),
        device=_device(options),
        say=_say,
    )
    _print({"schema": "drp/manifest/1", **_summary(summary)})
    return 3 if summary.errors else 0


def _verify(tree: str, options: dict[str, str]) -> int:
    from drp.hashing.reading.rows import Options  # noqa: PLC0415 - as above
    from drp.hashing.verification import Plan, verify_tree  # noqa: PLC0415 - as above

    if "--manifest" not in options:
        raise UsageError("say what to verify against: --manifest FILE", hint=USAGE)
    plan = Plan(
        uid_offset=None if "--no-owners" in options else _number(options, "--uid-offset", 0),
        checkpoint=Path(options["--checkpoint"]) if "--checkpoint" in options else None,
        workers=_number(options, "--workers", None),
        rate=float(_number(options, "--max-rate", 0) or 0),
        options=Options(
            (),
            direct="--direct" in options,
            strict="--strict" in options,
            spare_cache="--spare-cache" in options,
            core=options.get("--core", "auto"),
        ),
        device=_device(options),
    )
    result = verify_tree(Path(tree), Path(options["--manifest"]), plan)
    difference = result.difference
    document = {name: getattr(difference, name) for name in difference.__slots__ if name != "deviations"}
    document["unjudged"] = [{name: getattr(each, name) for name in each.__slots__} for each in difference.unjudged]
    document["deviations"] = [{name: getattr(item, name) for name in item.__slots__} for item in difference.deviations]
    _print({"schema": "drp/manifest-difference/1", **document, "clean": difference.clean})
    bad = {kind for kind, count in difference.counts.items() if count}
    return 0 if not bad else 3 if bad <= {"unreadable", "unstable"} else 1


def _show(manifest: str, options: dict[str, str]) -> int:
    from drp.manifests.opening import read_summary  # noqa: PLC0415 - as above

    del options
    _print({"schema": "drp/manifest/1", **_summary(read_summary(Path(manifest)))})
    return 0


def _summary(summary: Any) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in summary.__slots__}


def _print(document: dict[str, Any]) -> None:
    import json  # noqa: PLC0415 - as above

    sys.stdout.write(json.dumps(document, default=str, indent=1) + "\n")


_COMMANDS = {"create": _create, "verify": _verify, "show": _show}
