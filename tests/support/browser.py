"""A browser that looks at report pages: how wide they are on a phone, and how many sheets they print on."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")
_MEASURE = """
onload = () => {
  document.title = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument;
    const wide = [...page.querySelectorAll("main *")].filter(
      each => each.getBoundingClientRect().right > frame.clientWidth + 1 && !each.closest("thead"));
    return `${frame.clientWidth}:${page.scrollingElement.scrollWidth}:${wide.length}`;
  }).join(" ");
}
"""


def measured(page: str, widths: Iterable[int], folder: Path) -> dict[int, tuple[int, int]]:
    """Return for each width of a screen how wide the page is there, and how much of it reaches beyond."""
    frame = '<iframe style="width:{}px;height:700px;border:0" srcdoc="{}"></iframe>'
    frames = "".join(frame.format(width, html.escape(page)) for width in widths)
    host = folder / "host.html"
    host.write_text(f"<!doctype html><body>{frames}<script>{_MEASURE}</script>", encoding="utf-8")
    shown = _run(folder, "--virtual-time-budget=5000", "--dump-dom", host.as_uri())
    found = re.search(r"<title>(.*?)</title>", shown)
    assert found is not None, shown[:2000]
    numbers = [tuple(map(int, each.split(":"))) for each in found[1].split()]
    return {width: (whole, wide) for width, whole, wide in numbers}


def printed_sheets(page: str, folder: Path) -> int:
    """Return how many sheets of paper a page prints on."""
    source, target = folder / "page.html", folder / "page.pdf"
    source.write_text(page, encoding="utf-8")
    _run(folder, "--no-pdf-header-footer", f"--print-to-pdf={target}", source.as_uri())
    return len(re.findall(rb"/Type\s*/Page\b", target.read_bytes()))


def _run(folder: Path, *arguments: str) -> str:
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, *_QUIET, f"--user-data-dir={folder / 'profile'}", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout
