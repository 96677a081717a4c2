"""Who may write by way of a group: its members, and the users and groups of an access control list.

A group of one is healthy: Debian gives every user a group of their own, and a umask of 002 with it. Members come from
the name service; where it does not list its accounts (LDAP without enumeration), only a group that bears its user's
name, or that names its members, can be known to be one.
"""

from __future__ import annotations

import functools
import grp
import os
import pwd
import struct
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from drp.domain.phrase import Phrase, say
from drp.errors import ConfigError

_ACL = "system.posix_acl_access"
_ACL_VERSION = 2
_ENTRY = struct.Struct("<HHI")
_USER, _GROUP_OF_FILE, _GROUP, _MASK = 0x02, 0x04, 0x08, 0x10
_WRITE = 0x02


def account_name(uid: int) -> str:
    """Return the name of a user; the number where there is no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def account(uid: int) -> Phrase:
    """Return a user by name and number, for people."""
    try:
        return say("{name} (user {number})", name=pwd.getpwuid(uid).pw_name, number=str(uid))
    except KeyError:
        return say("user {number}, who has no account here", number=str(uid))


def accounts_of(names: Iterable[str]) -> frozenset[int]:
    """Return the user ids of accounts by name, and of the members of groups written ``%group``.

    Raises ConfigError naming the first that does not exist on this host.
    """
    found: set[int] = set()
    for name in names:
        try:
            found |= _members(grp.getgrnam(name[1:])) if name.startswith("%") else {pwd.getpwnam(name).pw_uid}
        except KeyError:
            if name.startswith("%"):
                raise ConfigError(
                    say("there is no group {name} on this host", name=name.removeprefix("%")),
                    hint="make the group, or take it out of `writers` in drp.yml",
                ) from None
            raise ConfigError(
                say("there is no account {name} on this host", name=name),
                hint="make the account, or take it out of `writers` in drp.yml",
            ) from None
    return frozenset(found)


def others_who_write(
    path: str, status: os.stat_result, trusted: Collection[int], judged_groups: Collection[int] = ()
) -> Phrase | None:
    """Return whom the group bits of a file's mode let write besides trusted users; None: nobody."""
    for group, user in _writers(path, status):
        if user is not None and user not in trusted:
            return account(user)
        if group is not None and group not in judged_groups and not _is_private(group, frozenset(trusted)):
            return _group(group)
    return None


def _writers(path: str, status: os.stat_result) -> Iterator[tuple[int | None, int | None]]:
    """Yield groups and users that may write. With an access control list, the group bits of the mode are its mask."""
    try:
        raw = os.getxattr(path, _ACL, follow_symlinks=False)
    except OSError:  # there is none, or the file system has no such thing
        raw = b""
    if len(raw) < 4 or struct.unpack_from("<I", raw)[0] != _ACL_VERSION:
        yield status.st_gid, None
        return
    for tag, permissions, number in _ENTRY.iter_unpack(raw[4 : len(raw) - (len(raw) - 4) % _ENTRY.size]):
        if not permissions & _WRITE:
            continue
        if tag == _USER:
            yield None, number
        elif tag in {_GROUP, _GROUP_OF_FILE}:
            yield (number if tag == _GROUP else status.st_gid), None


@functools.cache
def _is_private(group: int, trusted: frozenset[int]) -> bool:
    """Return whether a group has members, all of them trusted, and none can be hidden from us."""
    try:
        entry = grp.getgrgid(group)
    except KeyError:
        return False
    members = _members(entry)
    known = bool(entry.gr_mem) or any(account_name(user) == entry.gr_name for user in members)
    return known and bool(members) and members <= trusted


def _members(entry: grp.struct_group) -> set[int]:
    """Return the users of a group: those that it lists, and those whose first group it is."""
    members: set[int] = set()
    for name in entry.gr_mem:
        with suppress(KeyError):  # of a name without an account nobody is
            members.add(pwd.getpwnam(name).pw_uid)
    with suppress(KeyError):  # its own user, also where the name service does not list all
        own = pwd.getpwnam(entry.gr_name)
        members |= {own.pw_uid} if own.pw_gid == entry.gr_gid else set()
    return members | {account.pw_uid for account in pwd.getpwall() if account.pw_gid == entry.gr_gid}


def _group(group: int) -> Phrase:
    try:
        return say("group {name} ({number})", name=grp.getgrgid(group).gr_name, number=str(group))
    except KeyError:
        return say("group {number}, which has no name here", number=str(group))


def closed_place(path: Path) -> Path | None:
    """Return what this user may not write to, of a file or directory that is there or of where it would be made."""
    nearest = next(each for each in (path, *path.parents) if os.path.lexists(each))
    wanted = os.W_OK | (os.X_OK if nearest.is_dir() else 0)
    return None if os.access(nearest, wanted, effective_ids=True) else nearest
