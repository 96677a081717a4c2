"""What a backup of a GNU Health can lose, by its own models and modules, and what is judged of it."""

from __future__ import annotations

from drp.domain.judged import Part
from drp.domain.phrase import fact, say

MODELS = (
    "party.party",
    "gnuhealth.patient",
    "gnuhealth.patient.lab.test",
    "gnuhealth.lab",
    "gnuhealth.imaging.test.request",
    "gnuhealth.imaging_orthanc.study",
    "ir.attachment",
)
_MODULES = (
    *("ir", "res", "country", "currency", "party", "company", "product", "health", "health_crypto"),
    *("health_crypto_lab", "health_imaging", "health_imaging_worklist", "health_lab", "health_orthanc"),
)
PARTS = (
    Part(
        name=say("records of `models`"),
        judged="counted",
        words=fact("counts-as-application-itself", "`counts`, as the application itself counts them"),
        catalogue=MODELS,
    ),
    Part(
        name=say("active modules"),
        judged="content",
        words=fact("modules-by-name-where", "`modules`: by name, where the facts have them"),
    ),
    Part(
        name=say("newest record"),
        judged="observed",
        words=fact("newest-dates-application-gave", "`newest`: dates that the application gave"),
    ),
    Part(
        name=say("signed laboratory reports"),
        judged="content",
        words=fact("signed-reports-digest-they", "`signed-reports`: the digest they were signed with"),
    ),
    Part(
        name=say("content of attachments"),
        judged="content",
        words=fact(
            "attachments-newest-against-names",
            "`attachments`: the newest, against the names that their content gave them",
        ),
    ),
    Part(
        name=say("records of other models"),
        judged="not judged",
        words=fact(
            "their-tables-postgres-verifier", "their tables are the `postgres` verifier's, and what is in `models`"
        ),
        catalogue=_MODULES,
    ),
    Part(
        name=say("older attachments"),
        judged="not judged",
        words=fact("attachments-says-how-many", "`attachments` says how many of the newest are read"),
    ),
    Part(
        name=say("reports, buttons and wizards of the interface"),
        judged="not judged",
        words=fact("nobody-presses-them-sign", "nobody presses them: a sign-off does"),
    ),
)
