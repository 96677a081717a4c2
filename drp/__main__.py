"""Entry point: runs the command line and turns every ending into its exit status. Nothing escapes as exit 1."""

from __future__ import annotations

import errno
import gc
import os
import sys
from typing import Any

from drp.errors import DrpError, NotReadable, StorageFull, UsageError

_BUG = 70
_USAGE = UsageError.exit_status
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
_NO_RIGHT = {errno.EACCES, errno.EPERM}


def main() -> None:
    """Run ``drp`` and exit with the status that the README documents."""
    from drp.cli import streams  # noqa: PLC0415 - a bare `import drp` stays cheap

    streams.prepare()
    os.umask((os.umask(0o077) | 0o022) & 0o077)  # what others may write to, drp itself would not trust
    status = run(sys.argv[1:])
    gc.freeze()  # all memory goes at once: to look through it for what could be freed takes longer than most commands
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run ``drp`` with these arguments and return the exit status."""
    from drp.cli import streams  # noqa: PLC0415 - as above

    machine = "--json" in arguments
    try:
        try:
            _speak(arguments, machine=machine)
            status = _run(arguments, machine=machine)
            streams.deliver()
        except OSError as error:
            if error.filename is None and (isinstance(error, BrokenPipeError) or error.errno in _NO_ROOM):
                raise streams.undelivered(error) from error  # what has no name is the output
            return _unforeseen(error, machine=machine)
    except streams.Undeliverable as ending:
        if ending.reason:
            return _complain(StorageFull(ending.reason, hint="look at where it leads to"), machine=machine)
        return ending.status
    return status


def _speak(arguments: list[str], *, machine: bool) -> None:
    """Let the reader's language be in force; that there are no words in it is said once, to people."""
    from drp.cli import tongue  # noqa: PLC0415 - as above

    chosen = tongue.choose(arguments, os.environ)
    tongue.speak(chosen)
    if chosen.missing and not machine and not {"--quiet", "-q"} & set(arguments) and "_DRP_COMPLETE" not in os.environ:
        words = "drp: there are no words in {locale}: this is English (another: `drp --lang`)"
        _tell(f"{words.format(locale=chosen.missing)}\n")  # in English, as it says


def _run(arguments: list[str], *, machine: bool) -> int:
    import typer  # noqa: PLC0415 - as above

    from drp.cli import streams  # noqa: PLC0415 - as above
    from drp.cli.main import app  # noqa: PLC0415 - as above

    before = sys.stdout
    try:
        result = app(args=arguments, prog_name="drp", standalone_mode=False)
    except DrpError as error:
        return _complain(error, machine=machine)
    except typer.Exit as ending:
        return ending.exit_code
    except typer.TyperException as error:
        return _misused(error, machine=machine)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except SystemExit as ending:
        if sys.stdout is before:  # completion, which has said everything
            return ending.code if isinstance(ending.code, int) else 0
        sys.stdout, sys.stderr = before, sys.__stderr__ or sys.stderr
        raise BrokenPipeError from None  # typer wrapped the streams, since nobody reads on
    except (OSError, streams.Undeliverable):
        raise
    except Exception as error:  # noqa: BLE001 - an unforeseen error must not read as "drill failed" (exit 1)
        return _bug(error)
    return result if isinstance(result, int) else 0


def _unforeseen(error: OSError, *, machine: bool) -> int:
    """Say what the system refused: with the name of what was refused, it is no bug of drp that there is no room."""
    from drp.domain.phrase import say  # noqa: PLC0415 - as above

    path, why = str(error.filename), str(error.strerror)
    if error.filename is not None and error.errno in _NO_RIGHT:
        return _complain(NotReadable(say("not permitted: {path}: {why}", path=path, why=why)), machine=machine)
    if error.filename is not None and error.errno in _NO_ROOM:
        return _complain(StorageFull(say("cannot be written: {path}: {why}", path=path, why=why)), machine=machine)
    return _bug(error)


def _misused(error: Any, *, machine: bool) -> int:
    """Say what is wrong with the command line and where its help is; where only a verb is missing, say the help."""
    from drp.cli.misuse import misuse  # noqa: PLC0415 - as above

    context = getattr(error, "ctx", None)
    if context is not None and error.format_message() == context.get_help():
        _tell(f"{error.format_message()}\n")
        return _USAGE
    return _complain(misuse(error), machine=machine)


def _complain(error: DrpError, *, machine: bool) -> int:
    if machine:
        import json  # noqa: PLC0415 - as above

        document = {
            "type": "error",
            "schema": "drp/error/1",
            "code": error.code,
            "exit": error.exit_status,
            "message": error.message,
            "hint": error.hint,
        }
        _tell(json.dumps(document) + "\n")
        return error.exit_status
    from drp.cli.render import note  # noqa: PLC0415 - as above
    from drp.cli.wording import spoken_line  # noqa: PLC0415 - as above
    from drp.domain.phrase import say  # noqa: PLC0415 - as above

    note(f"drp: {spoken_line(error.message)} [{error.code}]")
    if error.hint:
        note(spoken_line(say("HINT: {hint}", hint="")) + spoken_line(error.hint))
    return error.exit_status


def _tell(text: str) -> None:
    from drp.cli.streams import complain  # noqa: PLC0415 - as above
    from drp.domain.visible import printable_lines  # noqa: PLC0415 - as above

    complain(printable_lines(text))


def _bug(error: Exception) -> int:
    """Say that drp is at fault, and keep where; nothing that is wrong with the machine may hide it."""
    import tempfile  # noqa: PLC0415 - as above
    import traceback  # noqa: PLC0415 - as above

    from drp.domain.phrase import say  # noqa: PLC0415 - as above
    from drp.redact import redact  # noqa: PLC0415 - as above

    text = redact("".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="drp-traceback-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as stream:
            stream.write(text)
        hint = say("HINT: this is a bug in drp; please report it with {path}", path=stream.name)
    except OSError:
        hint = say("HINT: this is a bug in drp; please report it with this:").then(f"\n{text}")
    _tell_anyway(say("drp: unforeseen error: {error} [DRP-E000]", error=redact(str(error)) or type(error).__name__))
    _tell_anyway(hint)
    return _BUG


def _tell_anyway(said: str) -> None:
    """Say it in the language in force, or in English where that is what fails."""
    from drp.cli.render import note  # noqa: PLC0415 - as above

    try:
        note(said)
    except Exception:  # noqa: BLE001 - what is wrong with a catalogue does not hide what was wrong before
        _tell(f"{said}\n")


if __name__ == "__main__":
    main()
