"""What a record holds of locks, bucket, horizon, view and scrub of one recovery, label by label."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from drp.domain.phase import Selected
from drp.domain.phrase import Data, Day, Instant, Phrase, Size, count, lasting, say, several
from drp.domain.worm.attestation import Attestation, BucketFacts
from drp.domain.worm.horizon import Horizon
from drp.domain.worm.pinned import Pinned, ReadVersion
from drp.domain.worm.scrub import Coverage, Draw, Scrub
from drp.reporting.worm_words import mode_in_words

Row = tuple[Phrase, tuple[Phrase, ...]]


def fact_rows(selected: Selected, read: Sequence[ReadVersion], total: int) -> Iterator[Row]:
    """Yield the rows that there is something to say for."""
    offline = selected.immutability is not None and selected.immutability.mode == "offline"
    if selected.locks is not None and not offline:
        yield say("Objects"), tuple(_objects(selected.locks))
    if in_a_bucket(selected.locks):
        yield say("Bucket"), tuple(_bucket(selected.locks.bucket))
    if selected.horizon is not None:
        yield say("Horizon"), tuple(_horizon(selected.horizon))
    if selected.pinned is not None:
        yield say("Read as of"), tuple(_pinned(selected.pinned, read, total))
    if selected.known is not None:
        yield say("Scrubbed"), tuple(_scrub(selected.known.scrub))


def in_a_bucket(locks: Attestation | None) -> TypeGuard[Attestation]:
    """Return whether a bucket said anything of itself: directories and media have nothing of it to say."""
    return locks is not None and locks.bucket != BucketFacts()


def _objects(locks: Attestation) -> Iterator[Phrase]:
    yield count(
        "{n} object version that the point depends on", "{n} object versions that the point depends on", locks.needed
    )
    if locks.asked < locks.needed:
        yield say("{asked} of them were asked for their locks, a sample", asked=locks.asked)
    if locks.unknown:
        yield say("unknown: {why}", why=locks.unknown)
    if locks.required_until is not None:
        yield say("to be locked until {until}", until=Instant(locks.required_until))
    if locks.required_until is not None and locks.earliest is not None:
        margin = locks.earliest - locks.required_until
        if margin.total_seconds() < 0:
            yield say("the first lock ends {margin} too early", margin=lasting(-margin))
        else:
            yield say("the first lock ends {margin} after that", margin=lasting(margin))
    if locks.remembered:
        yield say(
            "{n} of their locks were seen before, {again} of which were drawn by chance and asked for again",
            n=locks.remembered,
            again=locks.asked_again,
        )
    if locks.hidden:
        yield count(
            "{n} locked version is hidden by something newer: reading by name would not give it",
            "{n} locked versions are hidden by something newer: reading by name would not give them",
            locks.hidden,
        )


def _bucket(bucket: BucketFacts) -> Iterator[Phrase]:
    if bucket.object_lock is not None:
        yield say("object lock on") if bucket.object_lock else say("object lock off")
    if bucket.versioning:
        yield say("versioning: {state}", state=Data(bucket.versioning))
    if bucket.default_mode and bucket.default_days is not None:
        yield count(
            "default retention: {n} day, {mode}",
            "default retention: {n} days, {mode}",
            bucket.default_days,
            mode=mode_in_words(bucket.default_mode),
        )
    elif bucket.default_mode:
        yield say("default retention: {mode}", mode=mode_in_words(bucket.default_mode))
    else:
        yield say("no default retention seen")
    if bucket.expires:
        yield say("rules that expire versions: {rules}", rules=several(map(Data, bucket.expires[:10])))
    if bucket.bypass:
        yield say("its policy lets bypass governance: {who}", who=several(map(Data, bucket.bypass[:10])))
    if bucket.policy_seen is not None:
        yield say("has a policy of its own") if bucket.policy_seen else say("has no policy of its own")
    for lacking in bucket.not_seen[:10]:
        yield say("not seen: {what}", what=lacking)


def _horizon(horizon: Horizon) -> Iterator[Phrase]:
    if horizon.unknown:
        yield say("unknown: {why}", why=horizon.unknown)
    elif horizon.forever:
        yield say("everything that it needs is under legal hold")
    elif horizon.until is None:
        yield say("something that it needs can be deleted now")
    else:
        yield say("whatever is deleted, it can be restored until {until}", until=Instant(horizon.until))
    if horizon.objects:
        yield count(
            "it needs {n} object of {size}", "it needs {n} objects of {size}", horizon.objects, size=Size(horizon.size)
        )
    if horizon.below:
        yield count(
            "{n} object of {size} would have to be extended",
            "{n} objects of {size} would have to be extended",
            horizon.below,
            size=Size(horizon.below_bytes),
        )


def _pinned(pinned: Pinned, read: Sequence[ReadVersion], total: int) -> Iterator[Phrase]:
    yield say("{at}, by the store's clock", at=Instant(pinned.at))
    if pinned.why == "before-tampering":
        yield say("the last instant before it was attacked: {what}", what=pinned.tampering)
    elif pinned.why == "asked":
        yield say("asked for on the command line")
    yield count(
        "{n} object in that view, SHA-256 {digest}",
        "{n} objects in that view, SHA-256 {digest}",
        pinned.objects,
        digest=Data(pinned.digest),
    )
    if total > len(read):
        yield say("{total} of their versions were read; the record names the first {n}", total=total, n=len(read))
    elif read:
        whole = sum(bool(each.digest) for each in read)
        yield count(
            "{n} of their versions was read, {size}; of {whole} the bytes are digested",
            "{n} of their versions were read, {size}; of {whole} the bytes are digested",
            len(read),
            size=Size(sum(each.size for each in read)),
            whole=whole,
        )


def _scrub(scrub: Scrub | None) -> Iterator[Phrase]:
    if scrub is None:
        yield say("never (`drp repo scrub`)")
        return
    yield count(
        "on {at}: {n} object read, {size}, {how}",
        "on {at}: {n} objects read, {size}, {how}",
        scrub.objects,
        at=Instant(scrub.ended_at),
        size=Size(scrub.size),
        how=say("without the key") if scrub.keyless else say("with the key"),
    )
    if scrub.damaged_total or scrub.missing:
        yield say(
            "{damaged} damaged, {missing} missing: {names}",
            damaged=scrub.damaged_total,
            missing=len(scrub.missing),
            names=several([*(one.key for one in scrub.damaged[:3]), *scrub.missing[:3]]),
        )
    else:
        yield say("each was what its name says")
    if scrub.draw is not None:
        yield _draw(scrub.draw)
    if scrub.coverage is not None:
        yield from _coverage(scrub.coverage)
    for each in scrub.not_judged[:10]:
        yield say("not judged: {what}", what=each)


def _draw(draw: Draw) -> Phrase:
    """Return what a draw shows, never more than it does: shares are rounded up, chances down."""
    thousandths, chance = math.ceil(draw.bad_share * 1000), math.floor(draw.chance * 100)
    if thousandths % 10:
        return say(
            "if {share} ‰ of all objects were corrupt, one would have been drawn with {chance} %",
            share=thousandths,
            chance=chance,
        )
    return say(
        "if {share} % of all objects were corrupt, one would have been drawn with {chance} %",
        share=thousandths // 10,
        chance=chance,
    )


def _coverage(coverage: Coverage) -> Iterator[Phrase]:
    yield say("{ever} of {all} objects were ever read", ever=coverage.objects_ever, all=coverage.objects)
    if coverage.oldest_at is not None:
        yield say("the oldest of these readings is of {day}", day=Day(coverage.oldest_at))
