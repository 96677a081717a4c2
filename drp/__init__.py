"""drp proves that a hospital's systems come back: it restores backups in isolation, measures, and records evidence."""

import os

__version__ = "0.1.0"

# what happens to be installed beside drp neither takes part in reading its files nor is looked for, which takes 20 ms
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
