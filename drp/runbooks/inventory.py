"""What Ansible is told: one host, the sandbox, with the order's inputs as text that is never read as a template."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from drp.domain.runbook import RunbookOrder


class _Untrusted(str):
    """Text that may come from a backup."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes untrusted text with Ansible's tag for it, so that no ``{{ … }}`` in it is ever evaluated."""


_Dumper.add_representer(_Untrusted, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def inventory(order: RunbookOrder, progress: Path) -> str:
    """Return the inventory of a run as YAML; ``progress`` is the socket that drp listens on."""
    host = {
        "ansible_connection": "drp_sandbox",
        "ansible_drp_socket": order.sandbox.control_socket,
        "ansible_drp_timeout": order.timeout.total_seconds(),
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_remote_tmp": "/tmp/.ansible",  # noqa: S108 - inside the sandbox, which has a /tmp of its own
        "drp_progress_socket": str(progress),
        "drp_inputs": _untrusted(order.inputs),
    }
    return yaml.dump({"all": {"hosts": {"sandbox": host}}}, Dumper=_Dumper, width=1 << 20, allow_unicode=True)


def _untrusted(value: object) -> object:
    if isinstance(value, str):
        return _Untrusted(value)
    if isinstance(value, Mapping):
        return {str(key): _untrusted(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_untrusted(item) for item in value]
    return value
