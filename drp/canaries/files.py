"""A heartbeat as a file: whole or absent, dated by its content and not by its modification time."""

from __future__ import annotations

import errno

from drp.atomic import write_atomically
from drp.canaries.heartbeat import Heartbeat, Written
from drp.config.canaries import FileCanary
from drp.errors import AccessDenied, NotFound, StorageFull, Unreachable

_DENIED = {errno.EACCES, errno.EPERM}


def write_file(settings: FileCanary, heartbeat: Heartbeat) -> Written:
    """Replace the file by one that holds the instant. Raises ``NotFound``, ``AccessDenied``, ``StorageFull``."""
    path = settings.path
    try:
        write_atomically(path, f"{heartbeat.text}\n".encode(), mode=0o644)
    except StorageFull as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _DENIED:
            message = f"this user may not write {path}"
            raise AccessDenied(message, hint="run it as a user who may write there") from error
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"there is no directory {path.parent}", hint="mount the application's tree first") from error
    except OSError as error:
        raise Unreachable(f"{path} cannot be written: {error.strerror}") from error
    return Written(place=str(path))
