"""What a tree of files can lose, and what the comparison with its manifest does about each of it. Pure data.

``catalogue`` has the fields of Linux's ``statx`` (``stx_…``), the keys of a node as restic writes it, and what else a
file system keeps; a test holds them against the running kernel's headers and restic's own output.
"""

from __future__ import annotations

from drp.domain.judged import Part
from drp.domain.phrase import fact, say

PARTS: tuple[Part, ...] = (
    Part(
        name=say("content of files"),
        judged="content",
        words=say("by the manifest: size and digest of every regular file"),
        catalogue=("stx_size", "size", "content", "file"),
    ),
    Part(
        name=say("entries and their names"),
        judged="content",
        words=say("by the manifest: every name, byte for byte; what is missing and what should not be there"),
        catalogue=("name", "subtree", "dir"),
    ),
    Part(
        name=say("kinds"),
        judged="content",
        words=say("by the manifest: file, directory, link, pipe, socket, device"),
        catalogue=("stx_mode", "type", "mode", "fifo"),
    ),
    Part(
        name=say("modes"),
        judged="content",
        words=say("by the manifest: permissions, set-uid, set-gid, sticky"),
        catalogue=("st_mode",),
    ),
    Part(
        name=say("owners"),
        judged="content",
        words=say(
            "by the manifest: numbers of user and group, in a sandbox with `identity: range`; otherwise said each time"
        ),
        catalogue=("stx_uid", "stx_gid", "uid", "gid"),
    ),
    Part(
        name=say("modification times of files"),
        judged="content",
        words=say("by the manifest: to the nanosecond"),
        catalogue=("stx_mtime", "mtime"),
    ),
    Part(
        name=say("targets of links"),
        judged="content",
        words=say("by the manifest: byte for byte"),
        catalogue=("linktarget", "linktarget_raw", "symlink"),
    ),
    Part(
        name=say("hard links"),
        judged="content",
        words=say("by the manifest: which names are one file"),
        catalogue=("stx_nlink", "stx_ino", "stx_dev", "inode", "links", "device_id"),
    ),
    Part(
        name=say("sockets and device nodes"),
        judged="content",
        words=say(
            "by the manifest: kind and number, where they are there; a sandbox makes none, which is said each time"
        ),
        catalogue=("stx_rdev", "device", "socket", "dev", "chardev"),
    ),
    Part(
        name=say("extended attributes (user.*)"),
        judged="content",
        words=say(
            "by the manifest: name and digest of each, where source and data volume keep them; otherwise said each time"
        ),
        catalogue=("extended_attributes", "user.*"),
    ),
    Part(
        name=say("access control lists"),
        judged="content",
        words=say("by the manifest: where owners are judged too; otherwise said each time"),
        catalogue=("system.posix_acl_access", "system.posix_acl_default"),
    ),
    Part(
        name=say("file capabilities"),
        judged="content",
        words=say("by the manifest: by `drp manifest verify`; no restore cell may set them, which is said each time"),
        catalogue=("security.capability",),
    ),
    Part(
        name=say("extended attributes (trusted.*)"),
        judged="content",
        words=say(
            "by the manifest: by `drp manifest verify` as root; no restore cell may set them, which is said each time"
        ),
        catalogue=("trusted.*",),
    ),
    Part(
        name=say("labels and seals of the host"),
        judged="not judged",
        words=fact(
            "host-s-policy-gives",
            "the host's policy gives them anew (SELinux, Smack), or they hold for one inode (IMA, EVM)",
        ),
        catalogue=("security.selinux", "security.SMACK64", "security.ima", "security.evm", "system.nfs4_acl"),
    ),
    Part(
        name=say("flags of files"),
        judged="not judged",
        words=fact(
            "immutable-append-only-like", "immutable, append-only and the like (chattr): backup tools do not keep them"
        ),
        catalogue=("stx_attributes", "stx_attributes_mask", "generic_attributes"),
    ),
    Part(
        name=say("holes"),
        judged="not judged",
        words=fact(
            "what-they-read-as", "what they read as is compared; whether they take room is the restoring file system's"
        ),
        catalogue=("stx_blocks", "stx_blksize"),
    ),
    Part(
        name=say("times of directories, links and nodes; last access, change and birth"),
        judged="not judged",
        words=fact(
            "restoring-into-directory-changes",
            "restoring into a directory changes its times, and no tool can set the birth of a file",
        ),
        catalogue=("stx_atime", "stx_ctime", "stx_btime", "atime", "ctime"),
    ),
    Part(
        name=say("the root directory itself"),
        judged="not judged",
        words=fact(
            "manifest-begins-below-mode", "the manifest begins below it: its mode, owner and attributes are not in it"
        ),
    ),
    Part(
        name=say("names of owners"),
        judged="not judged",
        words=fact("numbers-compared-whom-they", "numbers are compared; whom they belong to is the restored system's"),
        catalogue=("user", "group"),
    ),
    Part(
        name=say("how a file system lays files out"),
        judged="not judged",
        words=fact(
            "mounts-subvolumes-alignment-projects",
            "mounts, subvolumes, alignment, projects and quotas are of the machine, not of the tree",
        ),
        catalogue=(
            "stx_mask",
            "stx_mnt_id",
            "stx_subvol",
            "stx_dio_mem_align",
            "stx_dio_offset_align",
            "stx_dio_read_offset_align",
            "stx_atomic_write_unit_min",
            "stx_atomic_write_unit_max",
            "stx_atomic_write_unit_max_opt",
            "stx_atomic_write_segments_max",
        ),
    ),
    Part(
        name=say("what the backup tool could not read"),
        judged="content",
        words=say("by the manifest: entries that are missing or unreadable are named"),
        catalogue=("error", "irregular"),
    ),
)
