"""Passwords: argon2id (RFC 9106), off the reactor's thread.

A hash takes about 150 ms and 64 MiB, so at most :data:`THREADS` are computed at once, on a separate thread pool: a
flood of log-ins delays neither the reactor nor its resolver. At most :data:`QUEUE` requests wait; more fail with
Unavailable. An unknown name costs the same work as a known one, so that the response time reveals nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from microblog.domain import normalisation
from microblog.domain.errors import Unavailable
from microblog.domain.validation import MAX_PASSWORD

T = TypeVar("T")

THREADS: Final = 2
QUEUE: Final = 30


class _DaemonThread(threading.Thread):
    """A thread that the process does not wait for at its end: a hash has no effect but its result."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.daemon = True


def _canonical(password: str) -> str:
    """Return the password in a form that does not depend on how the keyboard composes letters (RFC 8265, 4.2)."""
    return normalisation.exact(password)


class Passwords:
    """Creates and verifies hashes in PHC string format.

    ``hasher`` defines the costs. Hashes with other costs can be verified, and are reported as outdated.
    """

    def __init__(self, reactor: Any, hasher: PasswordHasher | None = None, *, queue: int = QUEUE) -> None:
        self._reactor = reactor
        self._hasher = hasher or PasswordHasher()
        self._places = DeferredSemaphore(THREADS)
        self._queue = queue
        self._pool: ThreadPool | None = None
        self._dummy: str | None = None

    async def hash(self, password: str) -> str:
        """Return a new salted hash. Raises Unavailable when too many requests wait."""
        return await self._run(partial(self._hasher.hash, _canonical(password)))

    async def verify(self, stored: str | None, password: str) -> tuple[bool, bool]:
        """Return whether the password matches the hash ``stored``, and whether that hash is outdated.

        None takes the same time and never matches. Raises Unavailable when too many requests wait.
        """
        return await self._run(partial(self._verify, stored, password))

    def stop(self) -> None:
        """Stop the threads. The next hash starts them again."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()

    def _verify(self, stored: str | None, password: str) -> tuple[bool, bool]:
        if stored is None:
            # Two threads may both make one; that costs nothing but time.
            stored = self._dummy = self._dummy or self._hasher.hash("nobody has this password")
            known = False
        else:
            known = True
        try:
            self._hasher.verify(stored, _canonical(password[:MAX_PASSWORD]))
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False, False
        fits = known and len(password) <= MAX_PASSWORD
        return fits, fits and self._hasher.check_needs_rehash(stored)

    async def _run(self, work: Callable[[], T]) -> T:
        if len(self._places.waiting) >= self._queue:
            raise Unavailable("Too many people are logging in at this moment. Try again in a few seconds.")
        await self._places.acquire()
        try:
            result: T = await deferToThreadPool(self._reactor, self._threads(), work)
            return result
        finally:
            self._places.release()

    def _threads(self) -> ThreadPool:
        if self._pool is None:
            pool = ThreadPool(minthreads=0, maxthreads=THREADS, name="passwords")
            pool.threadFactory = _DaemonThread
            pool.start()
            self._pool = pool
        return self._pool
