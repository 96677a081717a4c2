"""A heartbeat as a file: whole or absent, dated by its content and not by its modification time."""

from __future__ import annotations

import errno

from drp.atomic import write_atomically
from drp.canaries.heartbeat import Heartbeat, Written
from drp.config.canaries import FileCanary
from drp.domain.phrase import say
from drp.errors import AccessDenied, NotFound, StorageFull, Unreachable

_DENIED = {errno.EACCES, errno.EPERM}


def write_file(settings: FileCanary, heartbeat: Heartbeat) -> Written:
    """Replace the file by one that holds the instant. Raises ``NotFound``, ``AccessDenied``, ``StorageFull``."""
    path = settings.path
    try:
        write_atomically(path, f"{heartbeat.text}\n".encode(), mode=0o644)
    except StorageFull as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _DENIED:
            message = say("this user may not write {path}", path=path)
            raise AccessDenied(message, hint="run it as a user who may write there") from error
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(
            say("there is no directory {parent}", parent=path.parent), hint="mount the application's tree first"
        ) from error
    except OSError as error:
        raise Unreachable(say("{path} cannot be written: {strerror}", path=path, strerror=error.strerror)) from error
    return Written(place=str(path))
