"""The one plugin point: finds verifiers by entry point, checks what the YAML tells them, and runs them.

Nothing a verifier does wrong can pass a check or stop a drill: what it raises, how long it takes and what it yields
become results. A verifier that is missing or broken refuses the plan beforehand (``PluginError``).
"""

from drp.verifiers.loading import Description, available, describe, load
from drp.verifiers.local import LocalTarget
from drp.verifiers.options import make_options, option_problems, options_schema
from drp.verifiers.running import Checks

__all__ = [
    "Checks",
    "Description",
    "LocalTarget",
    "available",
    "describe",
    "load",
    "make_options",
    "option_problems",
    "options_schema",
]
