"""`make bench`: every figure, one after the other. Run it on a quiet machine; ratios are what counts."""

from __future__ import annotations

from tests.benchmarks import drill, hashing, journal

if __name__ == "__main__":
    drill.main()
    journal.main()
    hashing.main()
