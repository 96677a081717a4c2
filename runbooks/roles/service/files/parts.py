"""Run a program that stands in several files. The argument is JSON: name to text, each part after those it imports.

The last is the program itself.
"""

from __future__ import annotations

import json
import sys
import types


def main() -> None:
    """Make modules of the parts, and run the program."""
    parts = json.loads(sys.argv[1])
    *modules, program = parts
    for name in modules:
        module = sys.modules[name] = types.ModuleType(name)
        exec(compile(parts[name], f"{name}.py", "exec"), module.__dict__)  # noqa: S102 - drp's own text
    exec(compile(parts[program], f"{program}.py", "exec"), {"__name__": "__main__"})  # noqa: S102 - as above


main()
