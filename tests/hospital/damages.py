"""What goes wrong with backups, done to a copy of one: each function breaks the folder it is given.

They are the defects that hashes do not see, because the backup job itself kept them: the verifiers have to.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path

from tests.hospital.backups_pacs import log_holds_the_newest
from tests.hospital.gnuhealth import cache_directory
from tests.hospital.processes import HospitalError, run

_DICOM = 1
"""Orthanc's number for attachments that are DICOM files."""


def all_images_gone(folder: Path) -> None:
    """The index without a single file: the mount of the image store was empty when the backup ran."""
    for part in (folder / "storage").iterdir():
        if part.is_dir():
            shutil.rmtree(part)


def index_without_its_log(folder: Path) -> None:
    """The backup job copied ``index`` and not ``index-wal``."""
    if not log_holds_the_newest(folder / "storage"):
        raise HospitalError("the write-ahead log held nothing")
    (folder / "storage" / "index-wal").unlink()


def one_bit_of_one_pixel(folder: Path) -> None:
    """Bit rot, well inside of the pixel data."""
    path = newest_image(folder)
    content = bytearray(path.read_bytes())
    content[-1000] ^= 0x10
    path.write_bytes(content)


def one_image_cut_short(folder: Path) -> None:
    """The disk was full, or the copy broke off."""
    path = newest_image(folder)
    path.write_bytes(path.read_bytes()[:1000])


def newest_image(folder: Path) -> Path:
    """Return the newest DICOM file that the index knows."""
    storage = folder / "storage"
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("index", "index-wal"):
            if (storage / name).exists():
                shutil.copy(storage / name, scratch)
        connection = sqlite3.connect(Path(scratch, "index"))
        try:
            query = "select uuid from AttachedFiles where fileType = ? order by id desc limit 1"
            (uuid,) = connection.execute(query, (_DICOM,)).fetchone()
        finally:
            connection.close()
    return storage / uuid[:2] / uuid[2:4] / uuid


def flipped_bytes_in_the_dump(folder: Path) -> None:
    """Flip bits of the dump's table of contents until it kills its reader."""
    dump = folder / "database" / "health.dump"
    healthy = dump.read_bytes()
    for place in range(20, 60_000, 7):
        content = bytearray(healthy)
        content[place] ^= 0x80
        dump.write_bytes(content)
        if run(["pg_restore", "--list", str(dump)], check=False).returncode < 0:
            return
    raise HospitalError("no flipped bit kills pg_restore")


def wrong_password(folder: Path) -> None:
    """The configuration is of before the password of the database was changed."""
    path = folder / "etc" / "trytond.conf"
    said = path.read_text()
    before, _, rest = said.partition("postgresql://gnuhealth:")
    path.write_text(f"{before}postgresql://gnuhealth:the-old-one@{rest.partition('@')[2]}")


def empty_database(folder: Path) -> None:
    """The backup job dumped the database of an instance that was only ever installed."""
    (template,) = cache_directory().glob("gnuhealth-*.dump")
    shutil.copy(template, folder / "database" / "health.dump")


def a_value_altered_by_sql(folder: Path) -> None:
    """Somebody with access to the database changed a signed laboratory value before the backup."""
    altered = folder.parents[1] / "staging" / "lis-altered" / "database" / "lis.dump"
    shutil.copy(altered, folder / "database" / "lis.dump")


def a_gap_in_the_log(folder: Path) -> None:
    """One segment of the streamed log is missing, and those after it are of no use."""
    first, *after = sorted(path.name for path in (folder / "stream").iterdir())
    if not after:
        raise HospitalError("the stream has one segment only")
    for part in ("stream", "wal"):
        (folder / part / first).unlink(missing_ok=True)


def a_segment_missing_from_the_archive(folder: Path) -> None:
    """The archive lost its newest segment."""
    segments = [path for path in sorted((folder / "wal").iterdir()) if len(path.name) == 24]
    segments[-1].unlink()
