"""Advisory locks on files (flock(2)): the kernel gives them back when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FileLock:
    """One open lock file.  Never blocks.  Two objects exclude each other even in one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take_exclusive(self) -> bool:
        """Whether it is ours alone now.  A shared lock that was held before is lost when it is not."""
        return self._take(fcntl.LOCK_EX)

    def take_shared(self) -> bool:
        """Whether it is held now, together with others that share it."""
        return self._take(fcntl.LOCK_SH)

    def _take(self, how: int) -> bool:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            if os.geteuid() == 0:
                # Root may help out in another user's data directory, and must not leave files closed to them.
                folder = self._path.parent.stat()
                os.fchown(self._descriptor, folder.st_uid, folder.st_gid)
        try:
            fcntl.flock(self._descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
