"""The ``tcp`` verifier: a port inside the sandbox accepts a connection and, if asked, says what it should.

An open port is weak evidence: it shows that something listens, not that the application works.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from drp.domain.check import Expectation, Target
from drp.domain.check_runner import Answer as Stated
from drp.domain.judged import Part
from drp.domain.phrase import fact, quoted, say
from drp_verifiers.failures import failure
from drp_verifiers.inside import ask, text_of
from drp_verifiers.restored_code import code_of_command
from drp_verifiers.statements import judged, not_asked, seen_outside


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpOptions:
    """What may be said about a port."""

    port: int
    """Port inside the sandbox."""
    host: str = "127.0.0.1"
    """Address inside the sandbox."""
    send: str = ""
    """Said first, for protocols in which the client begins."""
    banner: str | None = None
    """Regular expression searched in the first 4 KiB of what the server says."""
    seconds: float = 10.0
    """For connecting, and again for the banner."""


class TcpVerifier:
    """Connects from inside the sandbox."""

    name: ClassVar[str] = "tcp"
    Options: ClassVar[type] = TcpOptions
    parts: ClassVar[tuple[Part, ...]] = (
        Part(name=say("a port that something listens on"), judged="observed", words=quoted("`accepts`, `banner`")),
        Part(
            name=say("everything behind the port"),
            judged="not judged",
            words=fact("open-port-shows-something", "an open port shows that something listens, no more"),
        ),
    )

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[Stated]:
        """Yield whether the port accepts, and whether the banner is right."""
        assert isinstance(options, TcpOptions)
        yield from code_of_command(target, expectation)
        request = {
            "host": options.host,
            "port": options.port,
            "send": options.send,
            "banner": options.banner,
            "seconds": options.seconds,
        }
        statement = fact(
            "accepts-connections", "{host}:{port} accepts connections", host=options.host, port=str(options.port)
        )
        answer = ask(target, "connect", request, timeout_seconds=expectation.timeout_seconds)
        if answer.trouble is not None:
            yield seen_outside(answer.trouble.result("accepts", statement))
            if options.banner is not None:
                said = fact(
                    "says-what-should", "{host}:{port} says what it should", host=options.host, port=str(options.port)
                )
                yield not_asked("banner", said, because="accepts", expected=quoted(options.banner))
            return
        connected = answer.data.get("connected") is True
        observed = fact("accepted", "accepted") if connected else failure(answer.data.get("reason"))
        yield seen_outside(
            judged("accepts", statement, holds=connected, observed=observed, expected=fact("accepted", "accepted"))
        )
        if options.banner is None:
            return
        statement = fact(
            "says-what-should", "{host}:{port} says what it should", host=options.host, port=str(options.port)
        )
        if not connected:
            yield not_asked("banner", statement, because="accepts", expected=quoted(options.banner))
            return
        yield judged(
            "banner",
            statement,
            holds=answer.data.get("matches") is True,
            observed=quoted(repr(text_of(answer.data, "heard")[:200])),
            expected=fact("text-matches", "matches {pattern}", pattern=options.banner),
        )
