"""Fixtures of the hashing tests."""

from __future__ import annotations

import ctypes
import os
import pickle
import struct
from collections.abc import Callable
from typing import Any

import pytest

_CAP_DAC = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
_VERSION_3 = 0x20080522


def _drop_dac() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for number in _CAP_DAC:  # else a program that the child starts would have them again
        assert libc.prctl(24, number, 0, 0, 0) == 0
    header = ctypes.create_string_buffer(struct.pack("<Ii", _VERSION_3, 0))
    data = ctypes.create_string_buffer(24)
    assert libc.capget(header, data) == 0
    words = list(struct.unpack("<6I", data.raw))
    mask = ~sum(1 << number for number in _CAP_DAC)
    words[0] &= mask
    words[1] &= mask
    words[2] &= mask
    assert libc.capset(header, ctypes.create_string_buffer(struct.pack("<6I", *words))) == 0


@pytest.fixture
def unprivileged() -> Callable[..., Any]:
    """Return a caller that runs a function in a child to which file modes apply, even when the tests run as root."""

    def call(function: Callable[..., Any], *arguments: object) -> Any:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reading)
                if os.geteuid() == 0:
                    _drop_dac()
                try:
                    answer = (True, function(*arguments))
                except BaseException as error:
                    answer = (False, error)
                with os.fdopen(writing, "wb") as stream:
                    pickle.dump(answer, stream)
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            good, value = pickle.load(stream)
        os.waitpid(pid, 0)
        if not good:
            raise value
        return value

    return call
