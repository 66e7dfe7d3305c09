"""Hashing off the reactor's thread, with a bounded queue."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from twisted.internet.defer import DeferredList, ensureDeferred

from microblog.domain.errors import Unavailable
from microblog.services.passwords import Passwords
from tests.factories import CHEAP


@pytest.fixture
def passwords(reactor_: Any) -> Any:
    made = Passwords(reactor_, CHEAP, queue=3)
    yield made
    made.stop()


async def test_a_hash_is_argon2id_with_a_salt_and_verifies(passwords: Passwords) -> None:
    first, second = await passwords.hash("secret words"), await passwords.hash("secret words")
    assert first.startswith("$argon2id$")
    assert first != second
    assert await passwords.verify(first, "secret words") == (True, False)
    assert await passwords.verify(first, "secret word") == (False, False)


async def test_nobody_fits_but_costs_the_same_work(passwords: Passwords) -> None:
    assert await passwords.verify(None, "nobody has this password") == (False, False)


async def test_what_is_no_hash_fits_nothing(passwords: Passwords) -> None:
    assert await passwords.verify("!", "secret words") == (False, False)


async def test_work_happens_on_other_threads_and_beyond_the_queue_it_is_refused(reactor_: Any) -> None:
    threads: set[int] = set()
    gate = threading.Event()

    class Slow:
        def hash(self, password: str) -> str:
            threads.add(threading.get_ident())
            gate.wait(30)
            return password

    passwords = Passwords(reactor_, Slow(), queue=3)  # type: ignore[arg-type]
    try:
        running = [ensureDeferred(passwords.hash(str(number))) for number in range(5)]
        with pytest.raises(Unavailable):
            await passwords.hash("one too many")
        gate.set()
        results = await DeferredList(running)
        assert [result for _, result in results] == ["0", "1", "2", "3", "4"]
        assert threading.get_ident() not in threads
        assert 1 <= len(threads) <= 2
    finally:
        passwords.stop()


def test_the_default_costs_are_those_of_rfc_9106() -> None:
    from microblog.services.passwords import PasswordHasher as Used

    used = Used()
    assert (used.memory_cost, used.time_cost) == (65536, 3)
