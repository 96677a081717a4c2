"""The drivers of sandboxes that a profile may name; what a driver is, `drp/sandboxes/driver.py` says."""

from __future__ import annotations

from drp.domain.sandbox import DEFAULT_DRIVER
from drp.errors import PluginError
from drp.registry import Registry

DRIVERS: Registry[object] = Registry("drp.sandboxes", "sandbox driver", ours_first=True)


def known_driver(name: str) -> str:
    """Return the name of a driver that is installed; nothing is imported. Raises ``ValueError``."""
    try:
        DRIVERS.entry(name)
    except PluginError as error:
        raise ValueError(error.message) from None
    return name


def driver_names() -> list[str]:
    """Return the name of every driver that is installed, for editors; the default first."""
    return list(dict.fromkeys([DEFAULT_DRIVER, *DRIVERS.names()]))
