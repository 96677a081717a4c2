# Copyright the drp authors. GNU General Public License v3.0 or later (see LICENSE in this folder).
"""Start ansible-playbook ahead of its order: load everything, wait for one line on a FIFO, then be ansible-playbook.

Argument: the FIFO. The line is a JSON list of arguments; an empty line means that there is nothing to do. Loading
ahead is a matter of speed alone: whatever cannot be loaded now is loaded when it is needed. ``--forks DESCRIPTOR``:
load once, and fork such a process for each who connects to that listening socket and names a FIFO.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import resource
import socket
import sys
import warnings
from contextlib import suppress

MODULES = (
    "ansible.executor.process.worker",
    "ansible.parsing.yaml.loader",
    "ansible.playbook.role",
    "ansible.plugins.filter.core",
    "ansible.plugins.filter.mathstuff",
    "ansible.plugins.test.core",
    "ansible.plugins.test.mathstuff",
    "ansible.plugins.vars.host_group_vars",
    "drp.sandboxes.client",
)
MEMORY = 2 << 30
DESCRIPTORS = 1024
PLUGINS = {
    "action_loader": ("drp_exec", "ansible.builtin.assert", "ansible.builtin.set_stats", "ansible.builtin.fail"),
    "callback_loader": ("default",),  # of which awx_display is made, which keeps what it finds in its environment
    "connection_loader": ("drp_sandbox", "ansible.builtin.local"),
    "inventory_loader": ("ansible.builtin.yaml", "ansible.builtin.host_list"),
    "lookup_loader": ("ansible.builtin.file",),
    "shell_loader": ("sh",),
    "strategy_loader": ("linear", "ansible.builtin.linear"),
}


def load_ahead():
    """Load what every run needs."""
    loader = importlib.import_module("ansible.plugins.loader")
    loader.init_plugin_loader()
    warnings.filterwarnings("ignore", message="AnsibleCollectionFinder has already been configured")
    for name in ("ansible_collections.ansible.builtin", *MODULES):
        importlib.import_module(name)
    loader.action_loader.get("ansible.builtin.validate_argument_spec", class_only=True)
    for kind, names in PLUGINS.items():
        for name in names:
            getattr(loader, kind).get(name, class_only=True)


def bound_resources():
    """Let no run take the machine's memory, whatever it is told from inside a sandbox.

    drp may open more descriptors than programs expect that a runbook starts.
    """
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    bytes_ = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, DESCRIPTORS), hard))


def play(fifo):
    """Wait for the order, carry it out, and end this process."""
    with open(fifo, encoding="utf-8") as orders:  # noqa: PTH123 - pathlib would only add an import
        order = orders.readline().strip()
    code = 0
    if order:
        try:
            sys.modules["ansible.cli.playbook"].PlaybookCLI.cli_executor(["ansible-playbook", *json.loads(order)])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # nothing is left to tidy up: the folder and the namespaces of this process go with it


def main():
    bound_resources()
    try:
        importlib.import_module("ansible.cli.playbook")
    except ImportError as error:
        sys.exit(f"ERROR! ansible-core cannot be loaded: {error}")
    with suppress(Exception):
        load_ahead()
    gc.collect()
    gc.freeze()
    if sys.argv[1] != "--forks":
        play(sys.argv[1])
    beside = importlib.util.spec_from_file_location("forks", os.path.join(os.path.dirname(__file__), "forks.py"))  # noqa: PTH118, PTH120 - pathlib would only add an import
    forks = importlib.util.module_from_spec(beside)
    beside.loader.exec_module(forks)
    forks.serve(socket.socket(fileno=int(sys.argv[2])), play)


if __name__ == "__main__":
    main()
