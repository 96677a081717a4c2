"""What a service of S3 refuses, or does not answer, as errors of the family."""

from __future__ import annotations

from drp.domain.phrase import say
from drp.domain.repository import S3Location
from drp.errors import AccessDenied, RepositoryError, Unreachable
from drp.redact import redact


def error_of(error: Exception, name: str, location: S3Location) -> RepositoryError:
    """Return the error of the family for what a service of repository ``name`` refused, or did not answer."""
    where = f"{location.endpoint.host}:{location.endpoint.port}"
    answer = getattr(error, "response", None)
    if answer is None:
        what = redact(str(error))[:200]
        hint = "give the CA's certificates as `ca_file`" if "SSL" in what or "certificate" in what else None
        return Unreachable(
            say("repository {name} does not answer at {where}: {what}", name=name, where=where, what=what),
            hint=hint,
        )
    code = code_of(error)
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return RepositoryError(
            say(
                "repository {name}: no bucket {bucket} at {where}",
                name=name,
                bucket=location.bucket,
                where=where,
            )
        )
    if code == "RequestTimeTooSkewed":
        return AccessDenied(say("repository {name} refuses the time of this machine", name=name), hint="set the clock")
    if status in {400, 401, 403} and code not in {"InvalidRequest", "MalformedXML"}:
        return AccessDenied(
            say(
                "repository {name} refuses the access key ({error}) at {where}",
                name=name,
                error=code or status,
                where=where,
            )
        )
    if (status >= 500 and status != 501) or status == 429:  # 501: it knows no such question
        return Unreachable(
            say(
                "repository {name} answers {status} {error} at {where}",
                name=name,
                status=str(status),
                error=code,
                where=where,
            )
        )
    return RepositoryError(say("repository {name}: {error} at {where}", name=name, error=code or status, where=where))


def code_of(error: Exception) -> str:
    """Return the service's own code; empty where it is not the service that refuses."""
    answer = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))
