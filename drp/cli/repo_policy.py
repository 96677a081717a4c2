"""What `drp repo policy` prints: the least rights for each purpose, to paste."""

from __future__ import annotations

from drp.cli import render
from drp.domain.phrase import say
from drp.domain.repository import S3Location
from drp.domain.worm.policies import PURPOSES, Granted, Purpose, policy
from drp.errors import NotFound, UsageError
from drp.service.wiring import Wiring

WHOSE = {
    "reader": say("for drp itself, which reads and asks"),
    "backup": say("for the backup job, which adds"),
    "scrubber": say("for a scrubber, which reads without the password"),
    "probe": say("for the probe, which tries what must be refused, on objects of its own"),
    "extend": say("for whoever lengthens retention"),
}


def show_policies(wiring: Wiring, name: str, purpose: str | None, *, machine: bool) -> int:
    """Print the policies of a repository in a bucket, or the one for a purpose. Raises ``NotFound``, ``UsageError``."""
    if purpose is not None and purpose not in PURPOSES:
        raise UsageError(
            say("there is no purpose {purpose}", purpose=purpose),
            hint=say("there are: {purposes}", purposes=", ".join(PURPOSES)),
        )
    wanted: tuple[Purpose, ...] = tuple(each for each in PURPOSES if purpose in {None, each})
    granted = granted_of(wiring, name)
    documents = {each: policy(each, granted) for each in wanted}
    if machine:
        render.document("drp/policies/1", {"repository": name, "bucket": granted.bucket, "policies": documents})
        return 0
    for each, document in documents.items():
        if purpose is None:
            render.line(WHOSE[each])
        render.verbatim(render.json_text(document, indent=2))
    return 0


def granted_of(wiring: Wiring, name: str) -> Granted:
    """Return what the policies of a repository are about. Raises ``NotFound``, ``UsageError``."""
    settings = wiring.site.repositories.get(name)
    if settings is None:
        raise NotFound(say("there is no repository {name}", name=name))
    place = settings.location
    if not isinstance(place, S3Location):
        raise UsageError(say("repository {name} is in no bucket: it takes no IAM policy", name=name))
    return Granted(
        bucket=place.bucket,
        prefix=place.prefix,
        mode=settings.worm.mode,
        scratch_bucket=settings.worm.scratch_bucket,
        removes_locks_below="locks" if settings.kind == "restic" else "",
    )
