"""S3 locations from addresses in one line, as a server of the tests gives them."""

from __future__ import annotations

from typing import Any

from drp.config.schema_repositories import s3_endpoint
from drp.domain.repository import S3Location


def s3_location(url: str, **fields: Any) -> S3Location:
    """Return the location at ``s3:https://host[:port]/bucket[/prefix]``."""
    scheme, _, rest = url.removeprefix("s3:").partition("://")
    host, bucket, prefix = [*rest.split("/", 2), "", ""][:3]
    return S3Location(endpoint=s3_endpoint(f"{scheme}://{host}"), bucket=bucket, prefix=prefix.strip("/"), **fields)
