"""The ``orthanc`` verifier: a PACS holds its studies, every stored image is what it was, and modalities can reach it.

Orthanc starts and counts all its studies when every image is gone, and answers 200 with a truncated one: only the
stored MD5 of each attachment and counts kept outside tell. Acquisition dates of studies are never a watermark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer as Stated
from drp.domain.judged import NotJudged, Part
from drp.domain.phrase import fact, say
from drp_verifiers.clinical import counted, facts_answer, inside, judge_counts, section, whole_numbers
from drp_verifiers.failures import failure
from drp_verifiers.inside import Answer, ask, text_of
from drp_verifiers.orthanc_answers import UIDS, digests, samples_of, study_uids, through_web, troubles_of
from drp_verifiers.orthanc_dicom import DicomPeer, network
from drp_verifiers.orthanc_files import stored_files
from drp_verifiers.orthanc_witness import agreement
from drp_verifiers.parts_orthanc import PARTS
from drp_verifiers.records import read_records
from drp_verifiers.records_options import OrthancRecords
from drp_verifiers.restored_code import code_of_files, code_of_settings
from drp_verifiers.statements import failed, passed, undetermined
from drp_verifiers.watermarks import Newest, judge, undated

_CODE = (".so", ".lua", ".py", ".js")
_COUNTS = fact("orthanc-counts-as-before", "Orthanc counts what it held at backup time")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthancOptions:
    """What may be said about an Orthanc."""

    host: str = "127.0.0.1"
    """Address inside the sandbox."""
    port: int = 8042
    """Port of the REST server."""
    configuration: str = ""
    """Restored configuration whose ``RegisteredUsers`` holds the credentials; relative to the restored tree."""
    user: str = ""
    """Which registered user; empty: the first."""
    password_file: str = ""
    """Holds the password when there is no configuration to take it from."""
    storage: str = ""
    """Folder of the attachments, compared with the index file by file; empty: only Orthanc itself is asked."""
    index: str = ""
    """Folder of the SQLite index when it is not the storage."""
    index_command: tuple[str, ...] = ()
    """Prints ``uuid|compressed size|compressed MD5`` a line, for an index on a database server.

    With the twelve other columns that the README names, images are compared with whose the index says they are.
    """
    most_instances: int = 0
    """Look at no more stored images than this over REST; 0: at all. Less than all is never passed as all."""
    dicomweb: str = "/dicom-web/"
    """Root of DICOMweb; empty: not asked."""
    samples: int = 3
    """How many images are fetched and read."""
    dicom_port: int = 0
    """Port of the DICOM server; 0: C-ECHO, C-FIND and C-GET are not tried."""
    called_title: str = "ANY-SCP"
    """Application entity title of the DICOM server."""
    calling_title: str = "FINDSCU"
    """Title under which drp calls."""
    within_seconds: float | None = None
    """Fail when the newest study is older than this, seen from the recovery point's instant."""
    canary: bool = False
    """A heartbeat study is written regularly, so the age of the newest change is not idle time."""
    canary_study: str = ""
    """StudyInstanceUID of the study that carries drp's heartbeat as a metadatum; empty: there is none."""
    canary_metadata: int = 1024
    """Number of that metadatum."""
    seconds: float = 20.0
    """For each answer."""


class OrthancVerifier:
    """Asks Orthanc from inside the sandbox, and its files without it."""

    name: ClassVar[str] = "orthanc"
    Options: ClassVar[type] = OrthancOptions
    RecordOptions: ClassVar[type] = OrthancRecords
    parts: ClassVar[tuple[Part, ...]] = PARTS

    def records(self, target: Target, options: object, expectation: Expectation) -> Iterator[Mapping[str, object]]:
        """Yield declared tags of every resource. Raises ValueError with the reason when they cannot be read."""
        assert isinstance(options, OrthancRecords)
        request = {
            "host": options.host,
            "port": options.port,
            "configuration": inside(options.configuration, expectation),
            "user": options.user,
            "password_file": inside(options.password_file, expectation),
            "level": options.level,
            "fields": options.fields,
            "seconds": options.seconds,
        }
        yield from read_records(
            target,
            "records_orthanc",
            request,
            timeout_seconds=expectation.timeout_seconds,
        )

    def read(self, target: Target, options: object, expectation: Expectation) -> Iterator[Stated]:
        """Yield whether index and files are whole and belong together, and what code the backup brings."""
        assert isinstance(options, OrthancOptions)
        if not options.storage:
            yield NotJudged(
                part=say("files of the storage, and whose they are"),
                why=fact("storage-not-given", "storage is not given: nobody looked"),
            )
        elif not options.index_command:
            yield from stored_files(target, options, expectation, still=True)
        configuration = options.configuration or str(expectation.inputs.get("configuration") or "etc/orthanc.json")
        yield from code_of_settings(target, expectation, configuration, kind="json")
        yield from code_of_files(target, expectation, suffixes=_CODE, leave=(options.storage, options.index))

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[Stated]:
        """Yield answer, counts, stored images, newest change, samples and the DICOM services."""
        assert isinstance(options, OrthancOptions)
        answer = ask(
            target, "orthanc_rest", _request(options, expectation), timeout_seconds=expectation.timeout_seconds
        )
        yield (answered := _answered(answer, options))
        if answered.outcome == "passed":
            yield from _content(answer, options, expectation)
        else:
            yield from _unseen(options)
        if options.storage:
            yield from agreement(target, options, expectation, whole_numbers(answer.data.get("counts")))
            if options.index_command:  # which asks the server of the index, and that has to run
                yield from stored_files(target, options, expectation)
        if options.dicom_port:
            peer = DicomPeer(
                host=options.host,
                port=options.dicom_port,
                called=options.called_title,
                calling=options.calling_title,
                seconds=options.seconds,
            )
            yield from network(target, peer, samples_of(answer.data), whole_numbers(answer.data).get("study_uids"))
        else:
            yield NotJudged(
                part=say("DICOM services"), why=fact("dicom-port-not-given", "dicom_port is not given: nobody asked")
            )

    def facts(self, target: Target, options: object, expectation: Expectation) -> dict[str, object]:
        """Return what a running Orthanc counts, for the manifest. Raises ValueError when it cannot be asked."""
        assert isinstance(options, OrthancOptions)
        request = {**_request(options, expectation), "samples": 0, "digest_seconds": 0}
        data = facts_answer(target, "orthanc_rest", request, expectation)
        if (reason := troubles_of(data).get("counts")) is not None:
            raise ValueError(reason)
        return {"orthanc": {"counts": counted(data), "rule": "exact"}}


def _answered(answer: Answer, options: OrthancOptions) -> CheckResult:
    """Return whether Orthanc answers, and lets in whom it let in."""
    statement = fact("orthanc-answers", "Orthanc answers on {host}:{port}", host=options.host, port=str(options.port))
    if answer.trouble is not None:
        return answer.trouble.result("answers", statement)
    status = answer.data.get("status")
    if status == 200:
        version = fact("orthanc-version", "version {version}", version=text_of(answer.data, "version")[:40])
        return passed("answers", statement, observed=version)
    observed = failure(answer.data.get("reason")) or fact("http-status", "status {status}", status=str(status))
    expected = fact("status-200-with-restored", "status 200 with the restored credentials")
    return failed("answers", statement, observed=observed, expected=expected)


def _unseen(options: OrthancOptions) -> Iterator[CheckResult]:
    """Yield what cannot be judged of an Orthanc that does not answer."""
    for check in ("counts", "stored-images", "study-uids", "newest", *(("canary",) if options.canary_study else ())):
        unseen = undetermined(
            check,
            fact("needs-orthanc-answers", "needs an Orthanc that answers"),
            observed=fact("did-not-answer", "it did not answer"),
        )
        yield undated(unseen) if check in {"newest", "canary"} else unseen


def _request(options: OrthancOptions, expectation: Expectation) -> dict[str, object]:
    return {
        "host": options.host,
        "port": options.port,
        "configuration": inside(options.configuration, expectation),
        "user": options.user,
        "password_file": inside(options.password_file, expectation),
        "most": options.most_instances,
        "samples": options.samples,
        "dicomweb": options.dicomweb,
        "canary_study": options.canary_study,
        "canary_metadata": options.canary_metadata,
        "seconds": options.seconds,
        # what is looked at is told when time runs out, instead of nothing at all
        "digest_seconds": expectation.timeout_seconds * 0.7,
    }


def _content(answer: Answer, options: OrthancOptions, expectation: Expectation) -> Iterator[CheckResult | NotJudged]:
    facts = section(expectation, "orthanc")
    troubles = troubles_of(answer.data)
    counts = whole_numbers(answer.data.get("counts"))
    if "counts" in troubles:
        yield undetermined("counts", _COUNTS, observed=troubles["counts"], basis="counted")
    else:
        yield replace(judge_counts("counts", _COUNTS, counts, facts), basis="counted")
    yield digests(answer.data, counts.get("instances"))
    store = f"orthanc {options.host}:{options.port}"
    source = "Orthanc /studies: max(LastUpdate)"
    newest = Newest(query=source, canary=options.canary, within_seconds=options.within_seconds)
    if "studies" in troubles:
        unseen = fact("studies-not-listed", "the studies could not be listed: {why}", why=troubles["studies"])
        yield undated(
            undetermined("newest", fact("needs-list-studies", "needs a list of the studies"), observed=unseen)
        )
        yield undetermined("study-uids", UIDS, observed=unseen)
    else:
        yield judge(_instant(text_of(answer.data, "newest")), newest, expectation, store=store)
        yield study_uids(answer.data)
    if options.canary_study and "canary" in troubles:
        yield undated(
            undetermined(
                "canary", fact("needs-study-heartbeat", "needs the study of the heartbeat"), observed=troubles["canary"]
            )
        )
    elif options.canary_study:
        source = f"Orthanc /studies/{options.canary_study}/metadata/{options.canary_metadata}"
        canary = Newest(query=source, canary=True, within_seconds=options.within_seconds)
        yield judge(text_of(answer.data, "canary") or None, canary, expectation, store=store, check="canary")
    if options.dicomweb:
        yield from through_web(samples_of(answer.data))
    else:
        yield NotJudged(part=say("DICOMweb"), why=fact("dicomweb-not-given", "dicomweb is empty: nobody asked"))


def _instant(text: str) -> str | None:
    """Return Orthanc's compact instant, which is UTC whatever the zone of the server, in ISO form."""
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC).isoformat()
    except ValueError:
        return text or None
