"""How a repository asks for a restore, and what the restore cell answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import quote

from drp.domain.phrase import Phrase

RESTORED_FOLDER = "files"
"""Folder of the data volume that everything is restored into; restored code sees its name, which tells it nothing."""
RESTORED = f"/data/{RESTORED_FOLDER}"
"""Where it is seen inside cells and sandboxes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """Where a secret is read at the moment of use; the value itself is never stored, logged or journalled."""

    kind: Literal["file", "credential", "command"]
    """A file, a systemd credential ($CREDENTIALS_DIRECTORY), or the first line a command prints."""
    value: tuple[str, ...]
    """The path, the credential's name, or the argv."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOrder:
    """What the restore runbook runs inside the restore cell: composed by a Repository, carried out by Ansible."""

    argv: tuple[str, ...]
    """Paths are those inside the cell: the executable is bound at ``/run/base/tool/<name>``, data at ``/data``."""
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Environment variable → name of a cell secret: the agent opens it as a memfd and sets the path."""
    executables: tuple[str, ...] = ()
    """Host paths bound read-only into ``/run/base/tool``."""
    read_only_binds: Mapping[str, str] = field(default_factory=dict)
    """Host path → path inside the cell, for repositories that are directories."""
    endpoint: tuple[str, int] | None = None
    """The only host and port the cell may reach, if any."""
    served_by: str = ""
    """Name of a UNIX socket without a file, of a process of this machine that serves that endpoint itself; empty: it is
    one of the network."""
    progress: str = "none"
    """How the tool tells of its progress and errors: a dialect that its kind registers, or ``none``."""
    holes_known: bool = False
    """Whether its progress leaves the holes of sparse files out: otherwise nobody knows how much is left to write."""
    of_many_owners: bool = False
    """Whether what is bound read-only holds files of several owners, each with its own closed doors."""
    source_root: str = "/"
    """Where, below ``/data/files``, the backed-up tree begins: the manifest's root."""
    capped_by: tuple[str, ...] = ()
    """Words that end the argv where it may read only so fast: ``{bytes}`` or ``{kib}`` a second. Empty: nobody can."""
    bytes_per_second: int | None = None
    """How fast it reads at most; None: as fast as it goes."""

    def capped(self, bytes_per_second: int | None) -> RestoreOrder:
        """Return the order with a cap in force, never a faster one; the same where the tool knows none."""
        if bytes_per_second is None or not self.capped_by:
            return self
        kib = max(1, bytes_per_second // 1024)
        in_kib = any("{kib}" in word for word in self.capped_by)
        words = tuple(word.format(kib=kib, bytes=bytes_per_second) for word in self.capped_by)
        in_force = kib * 1024 if in_kib else bytes_per_second
        return replace(self, argv=(*self.argv, *words), bytes_per_second=in_force)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSecret:
    """A named secret for the restore cell, made of references: rendered by ``template`` at the last moment."""

    name: str
    template: str
    """``{0}``, ``{1}``… stand for the resolved references; ``{0:address}`` for one as it stands in an address."""
    references: tuple[SecretReference, ...]

    def rendered(self, resolve: Callable[[SecretReference], str]) -> str:
        """Return the value, for whom it is meant alone. Raises as ``resolve`` does."""
        return self.template.format(*(_Part(resolve(reference)) for reference in self.references))


class _Part(str):
    """A resolved reference within a template."""

    __slots__ = ()

    def __format__(self, form: str) -> str:
        """Return it as it is, or percent-encoded (RFC 3986 §2.1) for the form ``address``."""
        return quote(self, safe="") if form == "address" else format(str(self), form)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOutcome:
    """How the restore order ended, as the runbook gives it back; untrusted text of the backup tool."""

    exit_code: int
    summary: Mapping[str, object] = field(default_factory=dict)
    """The tool's own summary message, if it prints one."""
    errors: tuple[str, ...] = ()
    """Error messages as printed, in order, at most 200."""
    tail: tuple[str, ...] = ()
    """Last lines of both streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReceipt:
    """What came back."""

    bytes_restored: int
    files_restored: int
    unrestored: tuple[Phrase, ...] = ()
    """What the backup tool could not read, by its own words."""
    restored_root: str = ""
    """Path of the restored tree as the host sees it; the hash phase starts there."""
    counted: bool = True
    """False: the tool does not tell how much it restored, and the two numbers say nothing."""
