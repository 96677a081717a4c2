"""A sandbox has a zone of its own, UTC, whatever the machine that drills and whoever calls drp have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fixtures_sandboxes import Worker

pytestmark = pytest.mark.real

SCRIPT = """
import subprocess
zone = "/usr/share/zoneinfo/Asia/Kolkata"
for place in ("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC"):
    subprocess.run(["mount", "--bind", zone, place], check=True)
os.environ["TZ"] = sys.argv[2]
driver = BubblewrapSandbox(Path(sys.argv[1]), resolve=resolve)
handle = driver.open(profile(), "test")
inside = sh(driver, handle, "date -d @0 +%H%z; env -u TZ date -d @0 +%H%z; "
            "/usr/bin/python3 -c 'import time; print(time.localtime(0).tm_hour, time.tzname[0])'; cat /etc/timezone")
outside = subprocess.run(["date", "+%z"], capture_output=True, text=True).stdout.strip()
driver.destroy(handle)
say(inside=inside, outside=outside)
"""


@pytest.mark.parametrize("zone", ["Asia/Tokyo", ":/etc/localtime"])
def test_the_zone_of_machine_and_caller_stays_outside(
    start_worker: Callable[..., Worker], tmp_path: Path, zone: str
) -> None:
    said = start_worker(SCRIPT, str(tmp_path / "run"), zone).line()
    assert said["inside"].split() == ["00+0000", "00+0000", "0", "UTC", "Etc/UTC"]
    assert said["outside"] in {"+0900", "+0530"}, "the machine of this test is elsewhere"
