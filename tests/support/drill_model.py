"""What a drill's journal means, told a second time: written from the documentation, not from the fold.

It reads the bodies as they lie in the database, looks at the whole history at once, and keeps nothing between looks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.support.words import in_words

Json = Mapping[str, Any]
PHASES = ("select", "prepare", "restore", "hash", "start", "verify")


@dataclass(frozen=True)
class Part:
    """One application's part in a drill."""

    name: str
    planned: Json
    events: tuple[Json, ...]
    """Of the whole drill."""

    @cached_property
    def lost_at(self) -> int:
        """Where the last resumption stands that lost its sandbox: everything after select happens again; -1: none."""
        return self._last("resumed", lambda event: self.name in event["lost_sandboxes"])

    @cached_property
    def compared_again_at(self) -> int:
        """Where the last resumption stands that lost any sandbox: applications are compared again."""
        return self._last("resumed", lambda event: bool(event["lost_sandboxes"]))

    def _last(self, kind: str, wanted: Any) -> int:
        found = (index for index, event in enumerate(self.events) if event["type"] == kind and wanted(event))
        return max(found, default=-1)

    def mine(self, *kinds: str, since: int | None = None) -> list[Json]:
        """Return its events of these types (all, if none is named) in the attempt that counts, or since a place."""
        begin = (self.lost_at if since is None else since) + 1
        mine = [event for event in self.events[begin:] if event.get("recovery") == self.name]
        return [event for event in mine if not kinds or event["type"] in kinds]

    def last(self, *kinds: str) -> Json | None:
        """Return the last of them, if there is one."""
        found = self.mine(*kinds)
        return found[-1] if found else None

    @cached_property
    def outputs(self) -> dict[str, Json]:
        """What the phases gave: what was selected stays, all else went with its sandbox."""
        selected = [e for e in self.mine("phase-completed", since=-1) if e["phase"] == "select"]
        return {e["phase"]: e["output"] for e in (*selected, *self.mine("phase-completed"))}

    @cached_property
    def told(self) -> dict[str, int]:
        """Every finding that was ever made, as text → where it was told last; in the order of the first telling."""
        return {text: index for index, event in enumerate(self.events) for text in _findings(event, self.name)}

    @property
    def earlier(self) -> set[str]:
        """What only an attempt before found; what was found of the point stays true of it."""
        still = {_text(finding) for finding in self.outputs.get("select", {"findings": ()})["findings"]}

        def past(text: str) -> int:
            across = in_words(json.loads(text))["code"].startswith("DRP-A")
            return max(self.lost_at, self.compared_again_at) if across else self.lost_at

        return {text for text, index in self.told.items() if index < past(text) and text not in still}

    @property
    def next_phase(self) -> str | None:
        """The phase that has to come next; none after one that could not be exercised."""
        return None if self.last("phase-failed") else next((p for p in PHASES if p not in self.outputs), None)

    @property
    def held(self) -> bool:
        """Whether its sandbox is kept, until somebody looked and nothing of it was left."""
        gone = self.last("sandbox-destroyed")
        return self.last("sandbox-kept") is not None and (gone is None or not clean(gone["residue"]))

    @property
    def alive(self) -> str | None:
        """The sandbox that has to be destroyed yet."""
        done_with = self.last("sandbox-destroyed", "sandbox-kept")
        return self.outputs["prepare"]["sandbox"]["id"] if "prepare" in self.outputs and done_with is None else None

    @property
    def recovered(self) -> bool:
        """Whether it came up and every technical check passed."""
        up = [self.outputs[name]["runbook"]["ok"] for name in ("restore", "start") if name in self.outputs]
        checks = self.outputs.get("verify", {"checks": ()})["checks"]
        return up == [True, True] and bool(checks) and all(check["outcome"] == "passed" for check in checks)

    @property
    def awaits_sign_off(self) -> bool:
        """Whether its referent can answer now."""
        asked, over = self.last("sign-off-asked"), self.last("signed-off", "sandbox-destroyed")
        gave_up = any(in_words(json.loads(text))["code"] == "DRP-B002" for text in set(self.told) - self.earlier)
        return asked is not None and over is None and not gave_up

    @property
    def whole(self) -> bool:
        """Whether all evidence is there that a pass needs."""
        given = self.outputs
        if set(given) != set(PHASES) or not self.recovered:
            return False
        proof, compared = given["prepare"]["proof"], given["hash"]["difference"]
        isolated = proof["allowed"] == proof["errors"] == proof["canary_hits"] == 0 < proof["denied"]
        waived = not self.planned["require_manifest"] and compared is None
        same = compared is not None and not any(compared["counts"].values()) and compared["files_hashed"] > 0
        signed = self.last("signed-off")
        return (
            isolated
            and proof["canary_intact"]
            and bool(proof["control_reached"])
            and not given["restore"]["receipt"]["unrestored"]
            and (same or waived)
            and (not self.planned["asks"] or (signed is not None and not _refused(signed)))
        )

    def unsaid(self) -> set[str]:
        """Return codes that some event calls for and no finding of the application has."""
        said = {in_words(json.loads(text))["code"] for text in self.told}
        wanted = {codes for event in self.mine(since=-1) for codes in _calls_for(event)}
        return {codes for codes in wanted if not said & set(codes.split("|"))}


@dataclass(frozen=True)
class Story:
    """A drill, from its entries' bodies."""

    bodies: Sequence[Json]

    @cached_property
    def events(self) -> tuple[Json, ...]:
        return tuple(body["event"] for body in self.bodies)

    @cached_property
    def parts(self) -> dict[str, Part]:
        plan = self.events[0]["plan"]
        asks = plan["sign_off"] is not None
        planned = [{**one, "asks": asks and one["application"]["sign_off"] is not None} for one in plan["recoveries"]]
        return {one["application"]["name"]: Part(one["application"]["name"], one, self.events) for one in planned}

    def since(self, kind: str, place: int = -1) -> Json | None:
        """Return the last event of a type, if it stands after a place."""
        found = [event for event in self.events[place + 1 :] if event["type"] == kind]
        return found[-1] if found else None

    @property
    def interrupted(self) -> bool:
        """Whether somebody asked it to stop, and nobody went on since."""
        places = {event["type"]: index for index, event in enumerate(self.events)}
        return places.get("interrupted", -1) > places.get("resumed", -1)

    @property
    def reconciled(self) -> Json | None:
        place = max(part.compared_again_at for part in self.parts.values())
        return self.since("reconciled", place)

    @property
    def sealed(self) -> bool:
        return self.since("evidence-sealed") is not None

    @property
    def verdict(self) -> str:
        """What it comes to, with its measurements as they were journalled."""
        concluded = self.since("drill-concluded")
        assert concluded is not None
        before = Story(self.bodies[: self.events.index(concluded)])
        if before.interrupted:
            return "aborted"
        measured = [m[f"{name}_attainment"] for m in concluded["measurements"] for name in ("rto", "rpo", "wrt")]
        severities = {in_words(json.loads(text))["severity"] for part in before.parts.values() for text in part.told}
        if "critical" in severities or "missed" in measured:
            return "failed"
        compared = before.events[0]["plan"]["reconciliation"] is None or _judged(before.reconciled)
        sure = not {"undetermined", "not-measured"} & set(measured) and "inconclusive" not in severities
        return "passed" if sure and compared and all(part.whole for part in before.parts.values()) else "inconclusive"


def clean(residue: Json) -> bool:
    """Return whether nothing was left."""
    return not any(residue[name] for name in ("processes", "mounts", "paths", "cgroups"))


def _text(finding: Json) -> str:
    return json.dumps(finding, sort_keys=True)


def _findings(event: Json, name: str) -> Iterator[str]:
    if event.get("recovery") == name:
        yield from map(_text, event.get("output", {}).get("findings", ()))
        yield from map(_text, [event["finding"]] if event["type"] == "finding-raised" else [])


def _refused(signed: Json) -> bool:
    return any(result["outcome"] != "passed" for result in signed["answer"]["results"])


def _judged(reconciled: Json | None) -> bool:
    if reconciled is None:
        return False
    return all(one["judged"] for kind in ("references", "identifiers") for one in reconciled["result"][kind])


_DIFFERENCES = {"changed": "DRP-H001", "missing": "DRP-H002", "unexpected": "DRP-H003", "unreadable": "DRP-H004"}
_OUTCOMES = {"failed": "DRP-C001", "undetermined": "DRP-C002"}


def _calls_for(event: Json) -> Iterator[str]:
    """Yield the codes of the findings that an event cannot be without, of several possible ones joined by a bar."""
    match event["type"]:
        case "phase-failed":
            yield "DRP-X003|DRP-R003|DRP-U002|DRP-M001|DRP-M002|DRP-S005|DRP-X005"
        case "sandbox-kept":
            yield "DRP-D002"
        case "sandbox-destroyed" if not clean(event["residue"]):
            yield "DRP-D001"
        case "signed-off" if _refused(event):
            yield "DRP-B001"
        case "traffic-seen" if event["egress"]:
            yield "DRP-I002"
        case "phase-completed":
            yield from _of_output(event["output"])


def _of_output(output: Json) -> Iterator[str]:
    match output["phase"]:
        case "select" if output["point"] is None:
            yield "DRP-S001"
        case "prepare" if output["proof"]["allowed"]:
            yield "DRP-I001"
        case "restore" if output["receipt"]["unrestored"]:
            yield "DRP-R001"
        case "hash" if output["difference"] is not None:
            yield from (_DIFFERENCES[kind] for kind, count in output["difference"]["counts"].items() if count)
        case "start" if not output["runbook"]["ok"]:
            yield "DRP-U001"
        case "verify":
            yield from sorted({_OUTCOMES[c["outcome"]] for c in output["checks"] if c["outcome"] in _OUTCOMES})
            yield from ["DRP-C003"] if not output["checks"] else []
