"""Measuring how the work on a client's text grows: shared by the tests of each surface.

What counts is the processor time of the reactor's thread, so that other processes and worker threads don't matter.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.domain.test_growth import PATTERNS as ALL

#: Of the domain's patterns, one for each kind; the domain's own test measures them all.
PATTERNS: Final = {
    name: ALL[name]
    for name in (
        "mixed marks",
        "marks that decompose",
        "regional indicators",
        "joiners",
        "joined emoji",
        "opening brackets",
        "nested brackets",
        "spaces",
        "lines",
        "mixed scripts",
        "hashtags",
        "remote mentions",
        "links",
    )
}
#: Seconds that are not worth a second measurement: a request within the limits may take 0.05.
CHEAP: Final = 0.05
#: Seconds above which it is too much, however slow and busy the machine.
TOO_MUCH: Final = 0.25


def repeated(pattern: str, size: int) -> str:
    """``pattern`` as often as ``size`` bytes of UTF-8 hold."""
    return pattern * (size // len(pattern.encode()))


async def too_costly(
    send: Callable[[str], Awaitable[object]], size: int, patterns: Mapping[str, str] = PATTERNS
) -> list[str]:
    """Return the patterns for which twice the text costs far more than twice the work, or too much at all."""

    async def work(text: str) -> float:
        start = time.thread_time()
        await send(text)
        return time.thread_time() - start

    found = []
    for name, pattern in patterns.items():
        whole, half = repeated(pattern, size), repeated(pattern, size // 2)
        spent = await work(whole)
        if spent < CHEAP:
            continue
        most = 3 * min([await work(half) for _ in range(3)]) + 0.02
        spent = min([spent, *[await work(whole) for _ in range(3)]])
        if spent > min(most, TOO_MUCH):
            found.append(f"{name}: {spent * 1000:.0f} ms, half of it {most * 1000:.0f} ms at most")
    return found
