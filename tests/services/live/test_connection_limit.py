from __future__ import annotations

import pytest

from microblog.domain.errors import RateLimited, Unavailable
from microblog.services.live.connection_limit import RESERVE, AddressLimit, ConnectionLimit


def test_connections_are_allowed_up_to_the_limit_and_a_release_makes_room() -> None:
    connection_limit = ConnectionLimit(lambda: None)
    for _ in range(2):
        connection_limit.check(2)
        connection_limit.acquire()
    with pytest.raises(Unavailable) as refused:
        connection_limit.check(2)
    assert refused.value.retry_after == 60
    assert (connection_limit.taken, connection_limit.refused) == (2, 1)
    connection_limit.release()
    connection_limit.check(2)


def test_file_descriptors_are_reserved_for_the_rest() -> None:
    connection_limit = ConnectionLimit(lambda: RESERVE + 1)
    connection_limit.acquire()
    with pytest.raises(Unavailable):
        connection_limit.check(1000)


def test_one_connection_is_allowed_below_the_descriptor_reserve() -> None:
    ConnectionLimit(lambda: 64).check(1000)


def test_limit_of_file_descriptors_is_that_of_the_process() -> None:
    ConnectionLimit().check(1000)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_counts_are_kept_by_network_address(first: str, second: str, same: bool) -> None:
    limit = AddressLimit("live connections")
    limit.check(first, 1)
    limit.acquire(first)
    assert (limit.of(second) == 1) is same
    if same:
        with pytest.raises(RateLimited, match="At most 1 live connections from one address") as refused:
            limit.check(second, 1)
        assert refused.value.retry_after == 60
    else:
        limit.check(second, 1)
    limit.release(first)
    limit.check(second, 1)
    assert not limit._counts


def test_several_things_are_counted_together() -> None:
    limit = AddressLimit("streams on live connections")
    limit.acquire("192.0.2.1", 8)
    limit.check("192.0.2.1", 10, 2)
    with pytest.raises(RateLimited):
        limit.check("192.0.2.1", 10, 3)
    limit.release("192.0.2.1", 8)
    assert limit.of("192.0.2.1") == 0


def test_clients_without_an_address_are_not_counted() -> None:
    limit = AddressLimit("live connections")
    limit.acquire(None)
    limit.check(None, 1)
