"""What a backup of an Orthanc can lose, by Orthanc's own names: levels, attachments, tables of its index."""

from __future__ import annotations

from drp.domain.judged import Part
from drp.domain.phrase import fact, say

PARTS = (
    Part(
        name=say("patients, studies, series, instances"),
        judged="counted",
        words=fact(
            "counts-index-counts-each",
            "`counts`, `index-counts`; each by its images: `index-identities`, `index-images`",
        ),
        catalogue=("level Patient", "level Study", "level Series", "level Instance", "table Resources"),
    ),
    Part(
        name=say("stored images and other attachments"),
        judged="content",
        words=fact("stored-images-by-orthanc", "`stored-images` by Orthanc's MD5; every attachment in `stored-files`"),
        catalogue=(
            "table AttachedFiles",
            "attachment dicom",
            "attachment dicom-as-json",
            "attachment dicom-until-pixel-data",
        ),
    ),
    Part(
        name=say("identifiers of the index"),
        judged="content",
        words=fact(
            "index-identities-index-tags",
            "`index-identities`, `index-tags` for patient, UIDs, name, birth date and accession; `index-lookups`",
        ),
        catalogue=("table MainDicomTags", "table DicomIdentifiers"),
    ),
    Part(
        name=say("other main DICOM tags"),
        judged="not judged",
        words=fact(
            "descriptions-dates-like-index", "descriptions, dates and the like of the index are compared with nothing"
        ),
    ),
    Part(
        name=say("metadata"),
        judged="not judged",
        words=fact(
            "reception-date-origin-what",
            "reception date, origin, what users set: they are in the index alone, and no facts keep them",
        ),
        catalogue=("table Metadata",),
    ),
    Part(
        name=say("changes, exports and protected patients"),
        judged="not judged",
        words=fact("logs-which-patients-never", "logs, and which patients are never recycled: no facts keep them"),
        catalogue=("table Changes", "table ExportedResources", "table PatientRecyclingOrder"),
    ),
    Part(
        name=say("stored jobs and global properties"),
        judged="not judged",
        words=fact("runbook-names-stored-jobs", "the runbook names stored jobs and resumes none"),
        catalogue=("table GlobalProperties", "table ServerProperties", "table GlobalIntegers"),
    ),
    Part(
        name=say("modalities, peers, users, plugins in the configuration"),
        judged="not judged",
        words=fact(
            "runbook-names-what-held",
            "the runbook names what it held back; the rest is a file, for the verifier `files`",
        ),
    ),
    Part(
        name=say("labels"),
        judged="not judged",
        words=fact("orthanc-1-12-later", "of Orthanc 1.12 and later: no facts keep them"),
        catalogue=("table Labels",),
    ),
)
