"""Every exception of drp, with its code, exit status and hint.

What a drill *finds out* (a damaged pack, a changed file, a failing check) is a Finding, never an exception. An
exception means that drp could not exercise the recovery, which makes a recovery inconclusive::

    DrpError                    70  DRP-E000  a bug in drp (anything not named below ends here)
    ├── UsageError               2  DRP-E002  the command line asks for something impossible
    ├── ConfigError             10  DRP-E010  the site directory is invalid
    │   └── Untrusted           10  DRP-E012  others may change what drp would read or run
    ├── NotFound                10  DRP-E011  no such drill, application, repository, recovery point …
    ├── Busy                    11  DRP-E020  another drp holds the lock
    │   └── NoRoom              11  DRP-E021  this machine, or a repository, has no room for a drill now
    ├── LeaseLost               11  DRP-E022  a drill is not this process's any more
    ├── RepositoryError         13  DRP-E030  a repository cannot be used
    │   ├── Unreachable         13  DRP-E031  it does not answer
    │   ├── AccessDenied        12  DRP-E032  it refuses the key or the password
    │   ├── MediaNeeded         13  DRP-E033  its medium is absent or is another one
    │   ├── PointGone            3  DRP-E034  a recovery point was removed since it was selected
    │   ├── ObjectAbsent        13  DRP-E035  an object of it, or that version, is not there
    │   ├── ShortBody           13  DRP-E036  an object ended before its stated length
    │   ├── StorageBroken       13  DRP-E037  its storage says that it cannot give the bytes back
    │   └── ObjectsOutOfReach   10  DRP-E038  the backup tool alone reaches its objects
    ├── SandboxError             3  DRP-E040  a sandbox cannot be made or has gone
    │   ├── NotIsolated          3  DRP-E041  a sandbox could reach what it must not
    │   └── MediumFailed         3  DRP-E042  the host's storage failed below what was restored
    ├── RunbookError             3  DRP-E050  Ansible could not run (unreachable, hanging, missing)
    ├── PluginError             10  DRP-E060  a verifier is missing or broken
    ├── ManifestError           10  DRP-E070  a manifest is truncated, edited or from a newer drp
    ├── CommandFailed           70  DRP-E080  a helper program failed in a way nobody foresaw
    ├── EvidenceError           14  DRP-E090  evidence does not verify
    │   ├── Tampered            14  DRP-E091  the journal or a record was changed after the fact
    │   └── ServerUnproven      14  DRP-E092  a database server did not prove that it is the one it should be
    ├── MaterialsChanged         3  DRP-E120  what a drill uses is no longer what its plan declared
    ├── EngineError             13  DRP-E130  what carries orders out cannot be used, or was taken over
    ├── StorageFull             15  DRP-E100  no space, or state is not writable
    ├── NotReadable             12  DRP-E101  this user may not read what drp keeps, or nobody can
    └── Interrupted            130  DRP-E110  the user or the system asked drp to stop

Messages are lowercase without a full stop; the hint says what to do. Exit codes are documented in README.md.
"""

from __future__ import annotations


class DrpError(Exception):
    """Base of all errors that drp raises on purpose."""

    code = "DRP-E000"
    exit_status = 70
    default_hint = "this is a bug in drp: please report it with the traceback file named above"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """Keep the message for the user and what the user can do about it."""
        super().__init__(message)
        self.message = message
        self.hint = hint if hint is not None else self.default_hint

    def __str__(self) -> str:
        """Return the message, and the hint on a line of its own."""
        return f"{self.message}\nHINT: {self.hint}" if self.hint else self.message


class UsageError(DrpError):
    """The command line asks for something impossible."""

    code, exit_status, default_hint = "DRP-E002", 2, "see `drp --help`"


class ConfigError(DrpError):
    """The site directory is invalid; the message lists every problem with file:line:column."""

    code, exit_status, default_hint = "DRP-E010", 10, "fix the lines above, then run `drp config check`"


class Untrusted(ConfigError):
    """Others than root and the caller may write to, or replace, what drp would read or run.

    Nothing of it was read or run.
    """

    code, default_hint = "DRP-E012", "let it belong to root or to drp's user, and nobody else write to it"


class NotFound(DrpError):
    """Something named by the user does not exist."""

    code, exit_status, default_hint = "DRP-E011", 10, "list what exists with the noun's `list` command"


class Busy(DrpError):
    """Another drp works on the same site."""

    code, exit_status, default_hint = "DRP-E020", 11, "wait for it, or see `drp drill list`"


class NoRoom(Busy):
    """This machine has no room for a drill now, or backups come first.

    Nothing was declared, and nothing is said about the backup.
    """

    code, default_hint = "DRP-E021", "wait, or go on all the same with `--despite REASON`, which is recorded"


class LeaseLost(DrpError):
    """This process does not hold its drill any more, and writes nothing of it: another may have taken it up."""

    code, exit_status = "DRP-E022", 11
    default_hint = "nothing is lost: see `drp drill list`; if nobody took it up, `drp drill resume ID`"


class RepositoryError(DrpError):
    """A repository cannot be used."""

    code, exit_status, default_hint = "DRP-E030", 13, "try `drp repo points NAME`"


class Unreachable(RepositoryError):
    """A repository does not answer."""

    code, default_hint = "DRP-E031", "check the endpoint, the network path and the service, then try again"


class AccessDenied(RepositoryError):
    """A repository refuses the key or the password."""

    code, exit_status, default_hint = "DRP-E032", 12, "check the password and access key references of the repository"


class MediaNeeded(RepositoryError):
    """A repository's medium is absent or is another one.

    ``label`` names the one that is needed.
    """

    code, default_hint = "DRP-E033", "attach the medium and mount it where the repository expects it"

    def __init__(self, message: str, *, label: str, hint: str | None = None) -> None:
        """Keep the label of the medium that is needed."""
        super().__init__(message, hint=hint)
        self.label = label


class PointGone(RepositoryError):
    """A recovery point was removed since it was selected: by retention, or by somebody."""

    code, exit_status, default_hint = "DRP-E034", 3, "run the drill again: it selects among what is there now"


class ObjectAbsent(RepositoryError):
    """An object, or that version of it, is not there."""

    code, default_hint = "DRP-E035", "list the repository again: see whether retention removed it, or somebody else did"


class ShortBody(RepositoryError):
    """An object ended before its stated length. Once it may be the connection; at the same place again it is not."""

    code, default_hint = "DRP-E036", "read it again; what ends at the same place twice is damaged: `drp repo scrub`"

    def __init__(self, message: str, *, received: int) -> None:
        """Keep how many bytes came, counted from the offset that was asked for."""
        super().__init__(message)
        self.received = received


class StorageBroken(RepositoryError):
    """The storage itself says that it cannot give the bytes back: a bad sector, a checksum of the file system."""

    code, default_hint = "DRP-E037", "see to the disks below the repository, and copy what can still be read"


class ObjectsOutOfReach(RepositoryError):
    """drp reaches no objects at that kind of place by itself: the backup tool alone does."""

    code, exit_status, default_hint = "DRP-E038", 10, "use the backup tool's own check of it"


class SandboxError(DrpError):
    """A sandbox cannot be made, or has gone."""

    code, exit_status, default_hint = "DRP-E040", 3, "run `drp doctor`: it names what the sandbox driver lacks"


class NotIsolated(SandboxError):
    """A sandbox could reach what it must not; nothing restored was started in it."""

    code, default_hint = "DRP-E041", "do not run drills on this host until `drp doctor` proves isolation"


class MediumFailed(SandboxError):
    """The host's storage failed below a data volume, so what was restored says nothing about the backup."""

    code = "DRP-E042"
    default_hint = "look at the kernel's messages (`dmesg`) and at that disk, then run the drill again"


class RunbookError(DrpError):
    """Ansible could not run: host unreachable, time limit reached, ansible-playbook missing."""

    code, exit_status, default_hint = "DRP-E050", 3, "run `drp runbook lint` and look at the task named above"


class PluginError(DrpError):
    """A verifier named in a plan is missing or broken; the plan is refused."""

    code, exit_status, default_hint = "DRP-E060", 10, "run `drp verifier list`"


class ManifestError(DrpError):
    """A manifest is truncated, edited, out of order, or from a newer drp."""

    code, exit_status = "DRP-E070", 10
    default_hint = "take the manifest again from where it is kept apart from the backup"


class CommandFailed(DrpError):
    """A helper program failed in a way that drp does not know.

    ``tail`` holds its last lines, with secrets redacted.
    """

    code, default_hint = "DRP-E080", "run `drp doctor`, then try again"

    def __init__(self, message: str, *, exit_code: int, tail: tuple[str, ...] = (), hint: str | None = None) -> None:
        """Keep how the program ended (negative: by that signal) and its last lines."""
        super().__init__(message, hint=hint)
        self.exit_code = exit_code
        self.tail = tail


class EvidenceError(DrpError):
    """Evidence does not verify."""

    code, exit_status, default_hint = "DRP-E090", 14, "keep everything as it is and call the evidence owner"


class Tampered(EvidenceError):
    """The journal or a record was changed after the fact."""

    code = "DRP-E091"


class ServerUnproven(EvidenceError):
    """The server of a database beyond this machine has no TLS, or does not prove its name. Nothing was said to it."""

    code, default_hint = "DRP-E092", "see to the server's certificate, and to who answers in its place"


class MaterialsChanged(DrpError):
    """A file or program that a drill uses is no longer the one that its plan declared."""

    code, exit_status, default_hint = "DRP-E120", 3, "run the drill again: it will declare what is there now"


class EngineError(DrpError):
    """What carries drills out by themselves cannot be used: its database does not answer, or another host took over.

    No evidence is in it: what was done, the journal knows.
    """

    code, exit_status, default_hint = "DRP-E130", 13, "check `engine:` in drp.yml and its database, then start it again"


class StorageFull(DrpError):
    """No space is left, or the state directory is not writable."""

    code, exit_status, default_hint = "DRP-E100", 15, "free space or fix permissions, then try again"


class NotReadable(DrpError):
    """The journal, the state directory or a record cannot be read: most often this user may not.

    Nothing is wrong with what they say, as far as anybody could tell.
    """

    code, exit_status, default_hint = "DRP-E101", 12, "run drp as the user who keeps the site, or let this one read it"


class Interrupted(DrpError):
    """The user or the system asked drp to stop.

    ``signal_number`` says how (2 or 15).
    """

    code, exit_status = "DRP-E110", 130
    default_hint = "the drill was sealed as aborted; run it again when you are ready"

    def __init__(self, message: str = "interrupted", *, signal_number: int = 2, hint: str | None = None) -> None:
        """Keep the signal, which decides the exit status: 128 + number."""
        super().__init__(message, hint=hint)
        self.signal_number = signal_number
        self.exit_status = 128 + signal_number


def walk(root: type[DrpError] = DrpError) -> list[type[DrpError]]:
    """Return every error class, parents first."""
    return [root] + [found for child in root.__subclasses__() for found in walk(child)]
