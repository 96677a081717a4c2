"""The fast parallel hashing core: makes manifests of trees, and verifies trees against them."""

from __future__ import annotations

from drp.hashing.tree import TreeHasher, create_manifest
from drp.manifests.opening import open_manifest, read_summary

__all__ = ["TreeHasher", "create_manifest", "open_manifest", "read_summary"]
