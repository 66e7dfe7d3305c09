"""The figures that ``metrics`` reads, as protocols: the floors above keep them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Protocol


class Pool(Protocol):
    """The figures of a pool of database connections."""

    @property
    def lent(self) -> int: ...
    @property
    def idle(self) -> int: ...
    @property
    def waiting(self) -> int: ...

    size: int
    waits: int
    waited: float
    refused: int
    opened: int
    broken: int


class SiteMetrics(Protocol):
    """The figures that the database knows."""

    @property
    def jobs(self) -> Mapping[str, int]: ...
    @property
    def unplaced(self) -> int: ...
    @property
    def behind(self) -> int: ...
    @property
    def behind_seconds(self) -> float: ...


class Measuring(Protocol):
    """The source of the database's figures."""

    @property
    def pool(self) -> Pool: ...

    async def take(self) -> SiteMetrics:
        """Ask the database. Raises Unavailable."""
        ...


class Dispatcher(Protocol):
    """The figures of the live event dispatcher."""

    @property
    def readers(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def dispatched(self) -> int: ...
    @property
    def delivered(self) -> int: ...


class Microblog(Protocol):
    """The services that have figures."""

    @property
    def measuring(self) -> Measuring: ...
    @property
    def dispatcher(self) -> Dispatcher: ...


class HTTPServer(Protocol):
    """The figures of the website's connections."""

    refused: Counter[int]

    @property
    def connections(self) -> int: ...
    @property
    def running(self) -> int: ...


class PushServer(Protocol):
    """The figures of the push port's connections."""

    gaps: int
    cut: int

    def __len__(self) -> int: ...


class Worker(Protocol):
    """The figures of the worker that runs jobs."""

    @property
    def running(self) -> int: ...
    @property
    def outcomes(self) -> Mapping[tuple[str, str], int]: ...
