"""What facts of many PostgreSQL tables cost, beside one `count(*)` a table by psql: `python -m tests.benchmarks facts`."""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.fixtures_verifiers import Cluster, make_cluster
from tests.support.scratch import MEMORY, scratch

MANY = """
SELECT format('CREATE TABLE t%1$s (id serial PRIMARY KEY, note text); INSERT INTO t%1$s (note) SELECT md5(g::text)
FROM generate_series(1, 20) AS g', n) FROM generate_series(1, :tables) AS n \\gexec
"""


def plainly(cluster: Cluster) -> float:
    """Return the seconds of psql that counts table by table, and does nothing else."""
    counting = (
        "SELECT format('SELECT count(*) FROM %I', relname) FROM pg_class WHERE relkind = 'r' AND relname ~ '^t' \\gexec"
    )
    began = time.monotonic()
    cluster.sql(counting)
    return time.monotonic() - began


def main(arguments: Sequence[str]) -> None:
    """Print seconds, their ratio to the peer, and the peak memory of this process, peer and facts in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    with scratch("drp-bench-postgres", MEMORY) as folder:
        cluster = make_cluster(Path(folder) / "many")
        cluster.start()
        try:
            cluster.sql("CREATE DATABASE ehr", "postgres")
            cluster.sql(MANY.replace(":tables", str(chosen.tables)))
            peer, facts, digests = [], [], []
            for _ in range(chosen.rounds):
                peer.append(plainly(cluster))
                for seconds, digest in ((facts, False), (digests, True)):
                    began = time.monotonic()
                    cluster.count(digest=digest)
                    seconds.append(time.monotonic() - began)
            base = statistics.median(peer)
            print(f"{chosen.tables} tables; psql, one count(*) each: {base:.1f} s")
            for name, seconds in (("facts", facts), ("facts --digest", digests)):
                print(
                    f"{name}: {statistics.median(seconds):.1f} s, {statistics.median(seconds) / base:.2f} of the peer"
                )
            print(f"memory of drp: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB at most")
        finally:
            cluster.stop()
            shutil.rmtree(cluster.data, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
