r"""The ``hl7`` verifier: an interface inside the sandbox takes an HL7 v2 message over MLLP and acknowledges that one.

Original and enhanced mode both pass (MSA-1 ``AA`` or ``CA``, HL7 v2.5.1 §2.9); an acknowledgement of another message
fails. The default message, an application management query (NMQ^N01), asks and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from drp.domain.check import Expectation, Target
from drp.domain.check_runner import Answer as Stated
from drp.domain.judged import Part
from drp.domain.phrase import Phrase, fact, quoted, say, several
from drp_verifiers.failures import failure
from drp_verifiers.inside import ask, text_of
from drp_verifiers.restored_code import code_of_command
from drp_verifiers.statements import judged, not_asked, undetermined

_QUERY = (
    "MSH|^~\\&|HIS|HOSPITAL|INTERFACE|HOSPITAL|{now}||NMQ^N01^NMQ_N01|{control}|P|2.5.1",
    "QRD|{now}|R|I|{control}|||1^RD|ALL|OTH|ALL",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hl7Options:
    """What may be said about an interface. Raises ValueError when the message cannot be told from others."""

    port: int = 2575
    """Port of the MLLP listener."""
    host: str = "127.0.0.1"
    """Address inside the sandbox."""
    segments: tuple[str, ...] = _QUERY
    """The message; ``{control}`` becomes its control id and ``{now}`` the instant. Never a real patient's data."""
    accepted: tuple[str, ...] = ("AA", "CA")
    """Acknowledgment codes that pass."""
    seconds: float = 15.0
    """For connecting, and again for the answer."""

    def __post_init__(self) -> None:
        """Refuse a message without a header or without a control id to wait for."""
        if not self.segments or not self.segments[0].startswith("MSH"):
            raise ValueError("segments: the first must be MSH")
        if "{control}" not in self.segments[0]:
            raise ValueError("segments: MSH needs {control}, or no acknowledgement can be told from another")


class Hl7Verifier:
    """Sends one message from inside the sandbox."""

    name: ClassVar[str] = "hl7"
    Options: ClassVar[type] = Hl7Options
    parts: ClassVar[tuple[Part, ...]] = (
        Part(
            name=say("an interface that takes messages"),
            judged="observed",
            words=fact("acknowledged-control-id-one", "`acknowledged`, `control-id`: one message"),
        ),
        Part(
            name=say("routes, mappings and code tables"),
            judged="not judged",
            words=fact(
                "query-changes-nothing-goes",
                "a query changes nothing and goes nowhere: send one of each kind by `segments`, or sign off",
            ),
        ),
        Part(
            name=say("queued and stored messages"),
            judged="not judged",
            words=fact("no-verifier-counts-engine", "no verifier counts an engine's own store: ask its database"),
        ),
    )

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[Stated]:
        """Yield whether the interface answers, accepts, and means the message that was sent."""
        assert isinstance(options, Hl7Options)
        yield from code_of_command(target, expectation)
        request = {
            "host": options.host,
            "port": options.port,
            "segments": options.segments,
            "seconds": options.seconds,
        }
        answer = ask(
            target, "hl7_mllp", request, timeout_seconds=min(expectation.timeout_seconds, options.seconds + 15)
        )
        statement = fact(
            "interface-acknowledges-message",
            "the interface on {host}:{port} acknowledges a message",
            host=options.host,
            port=str(options.port),
        )
        accepted = fact(
            "an-acknowledgement-with", "an acknowledgement with {codes}", codes=several(options.accepted, " / ")
        )
        if answer.trouble is not None:
            yield answer.trouble.result("acknowledged", statement, expected=accepted)
            return
        answered = answer.data.get("answered") is True
        code, text = text_of(answer.data, "code")[:8], text_of(answer.data, "text")
        observed = quoted(f"{code} {text}".strip()) if answered else _why_none(answer.data.get("reason"))
        holds = answered and code in options.accepted
        if answer.data.get("late") is True:  # slow is not damaged
            yield undetermined("acknowledged", statement, observed=observed, expected=accepted)
        else:
            yield judged("acknowledged", statement, holds=holds, observed=observed, expected=accepted)
        statement = fact("acknowledgement-names-message-sent", "the acknowledgement names the message that was sent")
        if not answered:
            yield not_asked("control-id", statement, because="acknowledged")
            return
        sent, named = text_of(answer.data, "sent"), text_of(answer.data, "control")[:64]
        yield judged("control-id", statement, holds=named == sent, observed=quoted(named), expected=quoted(sent))


def _why_none(told: object) -> Phrase:
    """Return why there is no acknowledgement."""
    match told:
        case ["no-frame", str(shown)]:
            return fact("answer-no-mllp", "the answer is not framed as MLLP: {shown}", shown=shown)
        case ["no-header"]:
            return fact("answer-no-header", "the answer has no message header")
        case ["no-msa"]:
            return fact("answer-no-msa", "the answer has no MSA segment")
        case ["closed"]:
            return fact("closed-unacknowledged", "the connection was closed without an acknowledgement")
        case _:
            return failure(told)
