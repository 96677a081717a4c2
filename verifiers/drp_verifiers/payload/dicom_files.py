"""Runs inside the sandbox: reads every DICOM file of a folder to its last byte, without any library.

A file is sound when its elements end exactly at the end of the file, it names patient, study, series and instance, and
its pixel data is as long as rows, columns, samples, bits and frames say. Pixels themselves are not judged: only a
stored digest tells a flipped bit.
"""

import json
import os
import struct
import sys

from dicom_elements import (
    BIG_ENDIAN,
    BROKEN,
    DEFLATED,
    IMPLICIT,
    UNDEFINED,
    Damaged,
    Source,
    data_set,
    meta,
    text,
)
from regular import opened

LISTED = 20
EXPLICIT = "1.2.840.10008.1.2.1"
DIRECTORY = "1.2.840.10008.1.3.10"
PIXELS = (0x7FE0, 0x0010)
WANTED = {
    (0x0008, 0x0018): "instance",
    (0x0010, 0x0020): "patient",
    (0x0020, 0x000D): "study",
    (0x0020, 0x000E): "series",
    (0x0028, 0x0002): "samples",
    (0x0028, 0x0004): "photometric",
    (0x0028, 0x0008): "frames",
    (0x0028, 0x0010): "rows",
    (0x0028, 0x0011): "columns",
    (0x0028, 0x0100): "bits",
}
NUMBERS = {"samples", "rows", "columns", "bits"}


def elements(source, syntax, offset):
    """Return the wanted values, and how many bytes of pixel data there are (None: no pixels)."""
    reader = data_set(source, syntax, offset)
    found, pixels = {}, None
    while not reader.ended():
        tag, kind, length = reader.header()
        if length == UNDEFINED:
            size = reader.skip_undefined(kind)
        else:
            value, size = reader.take(length), length
            if tag in WANTED:
                name = WANTED[tag]
                found[name] = struct.unpack(reader.order + "H", value[:2])[0] if name in NUMBERS else text(value)
        if tag == PIXELS:
            pixels = size
    return found, pixels


def plain_length(found):
    """Return how many bytes uncompressed pixels take."""
    bits = 1
    for name in ("rows", "columns", "samples", "bits"):
        bits *= found.get(name, 1 if name == "samples" else 0)
    if found.get("photometric") == "YBR_FULL_422":
        bits = bits * 2 // 3
    frames = found.get("frames") or "1"
    if not frames.isdecimal():
        raise Damaged("has a number of frames that is none")
    return (bits * int(frames) + 7) // 8


def judge(source):
    """Return what a sound file is about, None for a directory of a medium."""
    syntax, kind, offset = meta(source)
    found, pixels = elements(source, syntax, offset)
    if kind == DIRECTORY:
        return None
    missing = [name for name in ("instance", "study", "series") if not found.get(name)]
    if missing:
        raise Damaged(f"names no {missing[0]}")
    if pixels is not None and syntax in {IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN}:
        wanted = plain_length(found)
        if pixels < wanted:
            raise Damaged(f"has {pixels} bytes of pixels, {wanted} are needed")
    elif pixels == 0:
        raise Damaged("has no pixels in its pixel data")
    return found


def read(path):
    """Return what a DICOM file is about, None for another file."""
    with opened(path) as file:
        if file.read(132)[128:] != b"DICM":
            return None
        return judge(Source(file))


def unread_kind(path):
    """Return why a file that is none of DICOM's may be one all the same: Orthanc packs images with zlib."""
    with opened(path) as file:
        head = file.read(10)
    if not head:
        return "empty"
    # the size when unpacked, then a stream of zlib (RFC 1950, section 2.2)
    return "packed" if head[8:9] == b"\x78" and head[5:8] == bytes(3) and len(head) == 10 else ""


def walk(root):
    """Yield every regular file below a folder, in a stable order."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


given = json.load(sys.stdin)
studies, patients, series, instances = {}, set(), set(), set()
sound, damaged, others, twice, listed, repeated = 0, 0, 0, 0, [], []
packed = empty = unnamed = unread = 0
for path in walk(given["root"]):
    try:
        about = read(path)
        if about is None:
            others += 1
            kind = unread_kind(path)
            packed, empty = packed + (kind == "packed"), empty + (kind == "empty")
            continue
    except PermissionError:  # the reader's account, and not the image
        unread += 1
        continue
    except (Damaged, *BROKEN) as error:
        damaged += 1
        if len(listed) < LISTED:
            listed.append(f"{os.path.relpath(path, given['root'])} {error}"[:200])
        continue
    sound += 1
    if about["instance"] in instances:
        twice += 1
        if len(repeated) < LISTED:
            repeated.append(os.path.relpath(path, given["root"])[:120])
    instances.add(about["instance"])
    unnamed += not about.get("patient")
    series.add(about["series"])
    patients.add(about.get("patient", ""))
    studies.setdefault(about["study"], set()).add(about["instance"])
json.dump(
    {
        "exists": os.path.isdir(given["root"]),
        "sound": sound,
        "damaged": damaged,
        "listed": listed,
        "others": others,
        "twice": twice,
        "repeated": repeated,
        "packed": packed,
        "empty": empty,
        "unnamed": unnamed,
        "unread": unread,
        "counts": {
            "patients": len(patients),
            "studies": len(studies),
            "series": len(series),
            "instances": len(instances),
        },
        "studies": {uid: len(found) for uid, found in studies.items()},
    },
    sys.stdout,
)
