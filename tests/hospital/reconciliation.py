"""What must agree between EHR, LIS and PACS: the references that the hospital's own numbers make, as a drill declares them."""

from __future__ import annotations

from typing import Any


def _of_patients(table: str, columns: str, patient: str = "patient") -> str:
    """Return the query for records of a GNU Health table, with their patient's number and their instant."""
    return (
        f"select {columns}, person.ref as patient, t.create_date at time zone 'UTC' as at from {table} t "
        f"join gnuhealth_patient p on p.id = t.{patient} join party_party person on person.id = p.party"
    )


def _next(sequence: str) -> str:
    return f"select last_value + is_called::int as number from {sequence}"


RECONCILIATION: dict[str, Any] = {
    "records": {
        "orders": {
            "title": "laboratory orders",
            "application": "ehr",
            "reader": "postgres",
            "options": {"query": _of_patients("gnuhealth_patient_lab_test", "t.request::text as number", "patient_id")},
        },
        "requests": {
            "title": "imaging requests",
            "application": "ehr",
            "reader": "postgres",
            "options": {
                "query": _of_patients("gnuhealth_imaging_test_request", "t.request as accession, t.merge_id as study")
            },
        },
        "listed-studies": {
            "title": "studies that the EHR lists",
            "application": "ehr",
            "reader": "postgres",
            "options": {
                "query": "select \"study_instance_UID\" as study, create_date at time zone 'UTC' as at "
                "from gnuhealth_imaging_orthanc_study"
            },
        },
        "results": {
            "title": "laboratory results",
            "application": "lis",
            "reader": "postgres",
            "options": {"query": _of_patients("gnuhealth_lab", "t.request_order::text as number")},
        },
        "studies": {
            "title": "imaging studies",
            "application": "pacs",
            "reader": "orthanc",
            "options": {
                "fields": {"study": "StudyInstanceUID", "accession": "AccessionNumber", "patient": "PatientID"}
            },
        },
        "next-order": {
            "application": "ehr",
            "reader": "postgres",
            "options": {"query": _next("ir_sequence_9")},
        },
        "next-accession": {
            "application": "ehr",
            "reader": "postgres",
            "options": {"query": _next("ir_sequence_7")},
        },
    },
    "references": [
        {
            "name": "laboratory result has its order",
            "from": "results.number",
            "to": "orders.number",
            "same": {"patient": "patient"},
        },
        {
            "name": "study has its request",
            "from": "studies.accession",
            "to": "requests.accession",
            "same": {"patient": "patient", "study": "study"},
        },
        {
            "name": "study that the EHR lists is in the PACS",
            "from": "listed-studies.study",
            "to": "studies.study",
        },
    ],
    "identifiers": [
        {
            "name": "accession numbers",
            "issued_by": "next-accession.number",
            "used_in": ["requests.accession", "studies.accession"],
            "bump": "SELECT setval('ir_sequence_7', {next}, false);",
        },
        {
            "name": "laboratory order numbers",
            "issued_by": "next-order.number",
            "used_in": ["orders.number", "results.number"],
            "bump": "SELECT setval('ir_sequence_9', {next}, false);",
        },
    ],
}
