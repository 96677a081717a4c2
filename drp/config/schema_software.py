"""What an application's file may say of its software and of the place it has in production."""

from __future__ import annotations

import ipaddress
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from drp.config.schema import Strict
from drp.config.values import DIGEST_PATTERN, HOST_PATTERN, Text
from drp.domain.phrase import say

_TAKEN = ("bin", "data", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "tmp")


class SoftwareFile(Strict):
    """Software that the backup does not hold: a directory of the drill host, known by its digest."""

    image: Text
    """The directory; relative to the site directory."""
    at: Text
    """Where it appears in the sandbox, read-only: an absolute path such as /opt/gnuhealth."""
    digest: str = Field(pattern=DIGEST_PATTERN)
    """What `drp app image DIRECTORY` prints. With another content nothing is restored."""

    @field_validator("at")
    @classmethod
    def _a_place_of_its_own(cls, at: str) -> str:
        parts = PurePosixPath(at).parts
        if not at.startswith("/") or str(PurePosixPath(at)) != at or at.startswith("//") or ".." in parts:
            raise ValueError(say("must be an absolute path without `..`, such as /opt/gnuhealth"))
        if len(parts) < 2 or parts[1] in {*_TAKEN, "usr"}:
            raise ValueError(say("is a place of the sandbox itself: choose one below /opt or /srv"))
        return at


def _side_by_side(images: list[SoftwareFile]) -> list[SoftwareFile]:
    for number, image in enumerate(images):
        for other in images[:number]:
            if PurePosixPath(image.at).is_relative_to(other.at) or PurePosixPath(other.at).is_relative_to(image.at):
                raise ValueError(say("{at} and {other} overlap: one would hide the other", at=image.at, other=other.at))
    return images


Software = Annotated[list[SoftwareFile], AfterValidator(_side_by_side)]


HostName = Annotated[str, Field(pattern=HOST_PATTERN, max_length=253)]


class AddressFile(Strict):
    """An address that the application has in production."""

    address: str
    """IPv4 or IPv6."""
    names: list[HostName] = Field(default_factory=list, max_length=50)
    """Host names that lead to it: they do in the sandbox too."""

    @field_validator("address")
    @classmethod
    def _an_address(cls, address: str) -> str:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            raise ValueError(say("must be an IP address such as 10.20.0.11; names stand in `names`")) from None
        if found.is_loopback or found.is_unspecified or found.is_multicast:
            raise ValueError(say("is no address that others reach the application at"))
        return str(found)
