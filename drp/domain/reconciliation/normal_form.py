"""Brings a value into the form in which it is compared; what replaces by expressions is handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drp.domain.reconciliation.preparation import Normalisation


def normal(value: str, declared: Normalisation, replacements: Sequence[Callable[[str], str]] = ()) -> str:
    """Return a value in its declared form; ``replacements`` are those of ``declared.replace``, in order."""
    value = value.strip(f" \t{declared.strip}")
    if declared.case != "as-is":
        value = value.upper() if declared.case == "upper" else value.lower()
    for prefix in declared.remove_prefixes:
        if value.startswith(prefix) and len(value) > len(prefix):
            value = value[len(prefix) :]
            break
    for replace in replacements:
        value = replace(value)
    if declared.zeros == "strip":
        value = _without_zeros(value)
    if declared.pad_to and value.isascii() and value.isdecimal():
        value = value.rjust(declared.pad_to, "0")
    return value.strip()


def _without_zeros(value: str) -> str:
    """Return a value without its leading zeros, as far as a digit follows them."""
    rest = value.lstrip("0")
    return rest if rest[:1].isdecimal() or rest == value else value[len(value) - len(rest) - 1 :]
