"""Which records an application holds, by the keys of the ledger: read from its database, not through drp."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Collection
from pathlib import Path

from tests.hospital.mariadb import MariaDB
from tests.hospital.postgres import Cluster

GNUHEALTH = {
    "patient": "select p.ref from gnuhealth_patient g join party_party p on p.id = g.party",
    "lab-order": "select request from gnuhealth_patient_lab_test",
    "imaging-order": "select request from gnuhealth_imaging_test_request",
    "attachment": "select name from ir_attachment",
    "lab-result": "select request_order from gnuhealth_lab where state = 'validated'",
}
_ENTITIES = {"ehr": ("patient", "lab-order", "imaging-order", "attachment"), "lis": ("patient", "lab-result")}
INSTANCES = "select value from DicomIdentifiers where tagGroup = 8 and tagElement = 24"


def gnuhealth(cluster: Cluster, database: str, application: str) -> dict[str, Collection[str]]:
    """Return the keys in a GNU Health database."""
    return {kind: set(cluster.sql(GNUHEALTH[kind], database).splitlines()) for kind in _ENTITIES[application]}


def orthanc(storage: Path) -> dict[str, Collection[str]]:
    """Return the instances in an Orthanc index on SQLite, from a scratch copy with its write-ahead log."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("index", "index-wal"):
            if (storage / name).exists():
                shutil.copy(storage / name, scratch)
        connection = sqlite3.connect(Path(scratch, "index"))
        try:
            return {"instance": {row[0] for row in connection.execute(INSTANCES)}}
        finally:
            connection.close()


def orthanc_on_database(server: MariaDB | Cluster, database: str) -> dict[str, Collection[str]]:
    """Return the instances in an Orthanc index on a database server."""
    return {"instance": set(server.sql(INSTANCES, database).splitlines())}
