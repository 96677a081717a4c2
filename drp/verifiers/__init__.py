"""The one plugin point: finds verifiers by entry point, checks what the YAML tells them, and runs them.

Nothing a verifier does wrong can pass a check or stop a drill: what it raises, how long it takes and what it yields
become results. A verifier that is missing or broken refuses the plan beforehand (``PluginError``).
"""
