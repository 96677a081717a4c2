"""What happens to patients: registered, laboratory and imaging ordered, results signed, images stored.

Every step goes through the interface that users' programs use, and what an application acknowledges is entered in
the ledger. References between the applications are the hospital's own: order number, accession number, study UID,
patient number (PUID).
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.hospital import dicom
from tests.hospital.ledger import Ledger
from tests.hospital.orthanc import OrthancClient
from tests.hospital.rpc import GnuHealth

_GIVEN = ("Ana", "Luis", "Marie", "John", "Chen", "Fatou", "Olga", "Raj")
_FAMILY = ("Betz", "Lopez", "Diaz", "Ndiaye", "Ivanova", "Kumar", "Wang", "Zenon")
_COUNTRY = "BEL"


def prepare(client: GnuHealth, pacs: OrthancClient | None = None) -> None:
    """Give an instance its hospital: institution, a professional who may sign, and for the EHR the way to the PACS."""
    if client.search("gnuhealth.healthprofessional"):
        return
    currency = client.create("currency.currency", {
        "name": "Euro", "code": "EUR", "symbol": "E", "numeric_code": "978", "digits": 2, "rounding": Decimal("0.01"),
    })  # fmt: skip
    institution = client.create("party.party", {"name": "General Hospital", "is_institution": True})
    company = client.create("company.company", {"party": institution, "currency": currency})
    client.write("res.user", [client.user_id], {"companies": [("add", [company])], "company": company})
    place = client.create("gnuhealth.institution", {
        "party": institution, "code": "GENHOSP", "institution_type": "hospital", "public_level": "public",
    })  # fmt: skip
    # the person behind the user must be a health professional, or nothing can be signed
    doctor = client.create("party.party", {
        "name": "Greta", "lastname": "Housley", "is_person": True, "is_healthprof": True, "gender": "f",
        "internal_user": client.user_id, "ref": "HP0000001", "fed_country": _COUNTRY,
    })  # fmt: skip
    client.create("gnuhealth.healthprofessional", {"party": doctor, "institution": place, "code": "LIC1"})
    client.refresh()
    if pacs is not None:
        _prepare_imaging(client, pacs)


def _prepare_imaging(client: GnuHealth, pacs: OrthancClient) -> None:
    kinds = client.search("gnuhealth.imaging.test.type", [("code", "=", "CT")])
    kind = kinds[0] if kinds else client.create("gnuhealth.imaging.test.type", {"code": "CT", "name": "CT"})
    unit = client.search("product.uom", [("name", "=", "Unit")])[0]
    goods = client.create("product.template", {"name": "CT Chest", "type": "service", "default_uom": unit})
    products = client.search("product.product", [("template", "=", goods)])
    product = products[0] if products else client.create("product.product", {"template": goods})
    client.create("gnuhealth.imaging.test", {"product": product, "code": "CTCH", "name": "CT Chest", "test_type": kind})
    client.create("gnuhealth.orthanc.config", {
        "label": "pacs", "domain": f"http://{pacs.host}:{pacs.port}/", "user": pacs.user, "password": pacs.password,
        "validated": True,
    })  # fmt: skip


_ONE_AT_A_TIME = threading.Lock()


@dataclass
class Ward:
    """One team of clinicians: a client of each application. One Ward belongs to one thread."""

    ehr: GnuHealth
    lis: GnuHealth
    pacs: OrthancClient
    ledger: Ledger
    rng: random.Random
    images: int = 2
    _known: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look up once what every order refers to."""
        self._known = {
            "ehr-doctor": self.ehr.search("gnuhealth.healthprofessional", limit=1)[0],
            "lis-doctor": self.lis.search("gnuhealth.healthprofessional", limit=1)[0],
            "ehr-test": self.ehr.search("gnuhealth.lab.test_type", limit=1)[0],
            "lis-test": self.lis.search("gnuhealth.lab.test_type", limit=1)[0],
            "imaging-test": self.ehr.search("gnuhealth.imaging.test", limit=1)[0],
        }

    def see_patient(self, number: int) -> None:
        """Take one patient all the way through the hospital."""
        puid = f"PAT{number:06d}"
        person = {
            "name": self.rng.choice(_GIVEN), "lastname": self.rng.choice(_FAMILY), "is_person": True,
            "is_patient": True, "gender": self.rng.choice("mf"), "ref": puid, "fed_country": _COUNTRY,
        }  # fmt: skip
        patient = self.register(self.ehr, "ehr", person)
        order, order_id = self.order_laboratory(patient)
        accession, study = self.order_imaging(patient)
        self.consent(patient, puid)
        self.report(self.register(self.lis, "lis", person), order)
        self.ehr.write("gnuhealth.patient.lab.test", [order_id], {"state": "ordered"})
        self.scan(puid, f"{person['lastname']}^{person['name']}", accession, study)

    def register(self, client: GnuHealth, application: str, person: dict[str, Any]) -> int:
        """Register a person as a patient. One party a call: several at once get the same code."""
        patient = client.create("gnuhealth.patient", {"party": client.create("party.party", person)})
        self.ledger.acknowledge(application, "patient", person["ref"])
        return patient

    def order_laboratory(self, patient: int) -> tuple[int, int]:
        """Order a laboratory test in the EHR; returns order number and record id."""
        model = "gnuhealth.patient.lab.test"
        record = self.ehr.create(model, {
            "patient_id": patient, "test_type": self._known["ehr-test"], "doctor_id": self._known["ehr-doctor"],
            "date": datetime.now(UTC),
        })  # fmt: skip
        number = self.ehr.read(model, [record], ["request"])[0]["request"]
        self.ledger.acknowledge("ehr", "lab-order", number)
        return number, record

    def order_imaging(self, patient: int) -> tuple[str, str]:
        """Order a CT in the EHR, one a call; returns accession number and study UID."""
        model = "gnuhealth.imaging.test.request"
        with _ONE_AT_A_TIME:
            record = self.ehr.create(model, {
                "patient": patient, "requested_test": self._known["imaging-test"],
                "doctor": self._known["ehr-doctor"], "date": datetime.now(UTC),
            })  # fmt: skip
        self.ehr.button(model, "requested", record)
        order = self.ehr.read(model, [record], ["request", "merge_id"])[0]
        self.ledger.acknowledge("ehr", "imaging-order", order["request"])
        return order["request"], order["merge_id"]

    def consent(self, patient: int, puid: str) -> None:
        """Attach the signed consent to the patient; the EHR keeps its bytes as a file beside the database."""
        content = f"%PDF-1.4\n% consent of {puid}\n".encode() + self.rng.randbytes(2000)
        self.ehr.create("ir.attachment", {
            "name": f"consent-{puid}.pdf", "type": "data", "data": content,
            "resource": f"gnuhealth.patient,{patient}",
        })  # fmt: skip
        self.ledger.acknowledge("ehr", "attachment", f"consent-{puid}.pdf")

    def report(self, patient: int, order: int) -> None:
        """Measure, validate and sign a laboratory report in the LIS."""
        record = self.lis.create("gnuhealth.lab", {
            "test": self._known["lis-test"], "patient": patient, "requestor": self._known["lis-doctor"],
            "request_order": order, "date_requested": datetime.now(UTC), "source_type": "patient",
        })  # fmt: skip
        self.lis.button("gnuhealth.lab", "complete_criteareas", record)
        values = self.lis.search("gnuhealth.lab.test.critearea", [("gnuhealth_lab_id", "=", record)])
        self.lis.write("gnuhealth.lab.test.critearea", values, {"result": round(self.rng.uniform(1, 150), 1)})
        self.lis.button("gnuhealth.lab", "generate_document", record)
        self.lis.button("gnuhealth.lab", "sign_document", record)
        self.ledger.acknowledge("lis", "lab-result", order)

    def scan(self, puid: str, name: str, accession: str, study: str) -> None:
        """Store the images of a study in the PACS."""
        series = dicom.new_uid()
        for number in range(1, self.images + 1):
            uid = dicom.new_uid()
            image = dicom.Image(puid, name, accession, study, series, number, datetime.now(UTC))
            self.pacs.upload(dicom.instance(image, uid))
            self.ledger.acknowledge("pacs", "instance", uid)

    def collect_studies(self) -> None:
        """Let the EHR fetch the list of new studies from the PACS, as its schedule would."""
        self.ehr.wizard("gnuhealth.imaging_orthanc.get_new_studies", "update")

    def close(self) -> None:
        """Close the connections."""
        self.ehr.close()
        self.lis.close()
