"""Entry point: runs the command line and turns every ending into its exit status. Nothing escapes as exit 1."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from typing import Any

from drp.errors import DrpError, UsageError

_BUG = 70
_USAGE = UsageError.exit_status


def main() -> None:
    """Run ``drp`` and exit with the documented status (README, house rules §9)."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run ``drp`` with these arguments and return the exit status."""
    import typer  # noqa: PLC0415 - a bare `import drp` stays cheap

    from drp.cli.main import app  # noqa: PLC0415

    try:
        result = app(args=arguments, prog_name="drp", standalone_mode=False)
    except DrpError as error:
        return _complain(error, machine="--json" in arguments)
    except typer.Exit as ending:
        return ending.exit_code
    except typer.TyperException as error:
        return _misused(error.format_message(), getattr(error, "ctx", None), machine="--json" in arguments)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # noqa: BLE001 - an unforeseen error must not read as "drill failed" (exit 1)
        return _bug(error)
    return result if isinstance(result, int) else 0


def _misused(message: str, context: Any, *, machine: bool) -> int:
    """Say what is wrong with the command line and where its help is; where only a verb is missing, say the help."""
    if context is not None and message == context.get_help():
        sys.stderr.write(f"{message}\n")
        return _USAGE
    text = " ".join(message.replace("Value error, ", "").rstrip(".").split())
    command = context.command_path if context is not None else "drp"
    return _complain(UsageError(text[:1].lower() + text[1:], hint=f"see `{command} --help`"), machine=machine)


def _complain(error: DrpError, *, machine: bool) -> int:
    if machine:
        document = {
            "type": "error",
            "schema": "drp/error/1",
            "code": error.code,
            "exit": error.exit_status,
            "message": error.message,
            "hint": error.hint,
        }
        sys.stderr.write(json.dumps(document) + "\n")
    else:
        sys.stderr.write(f"drp: {error.message} [{error.code}]\n")
        if error.hint:
            sys.stderr.write(f"HINT: {error.hint}\n")
    return error.exit_status


def _bug(error: Exception) -> int:
    from drp.redact import redact  # noqa: PLC0415

    text = redact("".join(traceback.format_exception(error)))
    with tempfile.NamedTemporaryFile("w", prefix="drp-traceback-", suffix=".txt", delete=False) as stream:
        stream.write(text)
    sys.stderr.write(f"drp: unforeseen error: {redact(str(error)) or type(error).__name__} [DRP-E000]\n")
    sys.stderr.write(f"HINT: this is a bug in drp; please report it with {stream.name}\n")
    return _BUG


if __name__ == "__main__":
    main()
