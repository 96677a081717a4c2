"""One dead-man ping, as Healthchecks takes it: standard library only, to the server that is named and to no other."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from drp.domain.phrase import NOTHING, Phrase, quoted, say

_TAKEN = range(200, 300)


def ping_url(url: str, signal: str) -> str:
    """Return the URL of a signal: empty is success, else ``start``, ``fail`` or an exit status."""
    split = urlsplit(url)
    path = f"{split.path.rstrip('/')}/{signal}" if signal else split.path
    return urlunsplit((split.scheme, split.netloc, path, split.query, ""))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a ping is for whom it is for."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Refuse."""
        return


def ping(url: str, body: str, seconds: float) -> Phrase:
    """Send one ping and return why it was not taken; empty: it was. The answer's content is not read.

    ``seconds`` bounds each wait of the socket; the whole is bounded by who ends this process.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        return say("the URL is neither http nor https")
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at just above
        url, data=body.encode() or None, headers={"User-Agent": "drp", "Content-Type": "text/plain; charset=utf-8"}
    )
    opener = urllib.request.build_opener(_NoRedirect())
    try:
        with opener.open(request, timeout=seconds) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    except OSError as error:
        reason = getattr(error, "reason", None)
        return quoted(f"{type(error).__name__}: {reason if reason is not None else error}")
    if status in _TAKEN:
        return NOTHING
    if 300 <= status < 400:
        return say("HTTP {status}: it leads elsewhere", status=str(status))
    return quoted(f"HTTP {status}")
