"""Where a drill keeps what it finds: whoever may write there could forge it, so nobody may who was not declared.

State is drp's own alone. Evidence and manifests may lie where another account keeps them on purpose (an auditor's
share, a folder that backup hosts fill): ``writers`` in drp.yml names it. Its records and manifests are known by their
digests; what such an account can do is take them away.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drp.config.site import Site
from drp.domain.phrase import say
from drp.trust import Doubt, Trust, require
from drp.trust.accounts import accounts_of

_CODE = Path(__file__).parents[1]


def require_places(site: Site) -> None:
    """Raise Untrusted when others may write where the site keeps state, evidence or manifests, or to drp's own code.

    ConfigError: a declared writer has no account on this host.
    """
    require(doubt for folder in (*site.runbook_folders, _CODE) for doubt in Trust().doubts(folder))
    require(
        _doubts(site),
        otherwise=say("or declare who writes there on purpose, as `writers` beside the folder in drp.yml"),
    )


def require_state(site: Site) -> None:
    """Raise Untrusted when others may write where the site keeps its state."""
    require(_folder(site.state_directory, Trust()))


def _doubts(site: Site) -> Iterator[Doubt]:
    yield from _folder(site.state_directory, Trust())
    auditors = Trust(accounts_of(site.evidence_writers))
    for directory in site.evidence_directories:
        yield from _folder(directory, auditors)
    yield from _folder(site.manifests_directory, Trust(accounts_of(site.manifests_writers)))


def _folder(directory: Path, trust: Trust) -> Iterator[Doubt]:
    """Yield what others can change of a folder and of what lies in it; not deeper: sandboxes live below."""
    if (doubt := trust.doubt(directory)) is not None:
        yield doubt
        return
    try:
        inside = sorted(directory.iterdir())
    except OSError:  # not there yet, or closed to us
        return
    yield from (doubt for path in inside if (doubt := trust.doubt(path)) is not None)
