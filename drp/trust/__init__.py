"""Whom drp trusts: what steers it belongs to root or to the caller, and nobody else may write to it or replace it."""

from drp.trust.judge import Doubt, Trust, judged_by_parent, refusal, require

__all__ = ["Doubt", "Trust", "judged_by_parent", "refusal", "require"]
