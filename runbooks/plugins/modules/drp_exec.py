# Copyright the drp authors. GNU General Public License v3.0 or later (see LICENSE in the folder above).
"""Documentation of the action plugin drp_exec; never sent to a sandbox."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drp_exec
short_description: run a program inside a drp sandbox
description:
  - Runs a program by its argument vector, through the agent of the sandbox. Nothing is copied and no Python is needed
    inside, so that a task costs milliseconds.
  - Secrets are named, never given. The agent opens a secret as a file in memory and sets the variable to its path.
  - In check mode the task is skipped, unless it says C(check_mode=false).
author: drp
options:
  argv:
    description: The program and its arguments.
    type: list
    elements: str
    required: true
  stdin:
    description: Text for its standard input.
    type: str
    default: ''
  environment:
    description: Variables added to the sandbox's own.
    type: dict
    default: {}
  secrets:
    description: Variable to the name of a secret of the restore cell. The variable will hold the path of a file.
    type: dict
    default: {}
  expect_rc:
    description: Exit codes that are no failure. An empty list accepts every one.
    type: list
    elements: int
    default: [0]
  stream:
    description: Forward the program's progress to drp while it runs.
    type: bool
    default: false
  progress:
    description:
      - How the program tells of its progress and errors; a kind of repository brings its own, such as C(restic-json).
    type: str
    default: none
  answer:
    description:
      - What the program answers, names and types, one JSON object a line. A name that ends in C(?) may be absent.
        Types are C(bool), C(int), C(text), C(raw), C(notices), a list of types, or an object.
      - Anything else fails the task as a malformed answer. The program's streams are sockets then, which nothing else
        inside can open.
    type: dict
  chdir:
    description: Working directory inside the sandbox.
    type: str
  timeout:
    description: Time limit in seconds. By default that of the whole run.
    type: float
"""

EXAMPLES = r"""
- name: Count the patients
  drp_exec:
    argv: [psql, -h, /run, -Atc, select count(*) from patient]
  changed_when: false
"""

RETURN = r"""
answer:
  description: What the program answered, of the declared names and types; empty when it was malformed.
  type: dict
  returned: when C(answer) is given
rc:
  description: Exit code, negative when a signal ended the program.
  type: int
  returned: always
stdout:
  description: The last 64 KiB of its output.
  type: str
  returned: always
stderr:
  description: The last 16 KiB of its error output.
  type: str
  returned: always
duration_ms:
  description: How long it ran inside the sandbox.
  type: int
  returned: always
summary:
  description: The last summary message of a program that prints progress.
  type: dict
  returned: always
errors:
  description: Error messages as they were printed, in order, 200 at most.
  type: list
  elements: str
  returned: always
harmless:
  description: Whether all errors of a backup tool are about what no sandbox can make.
  type: bool
  returned: always
words:
  description: The first error message for people, or the last line.
  type: str
  returned: always
tail:
  description: The last lines of both streams.
  type: list
  elements: str
  returned: always
"""
