"""Runbooks: the recovery steps as Ansible, and the way they are run. `session.py` alone imports ansible_runner."""

from drp.runbooks.runner import AnsibleRunbookRunner as AnsibleRunbookRunner
