"""Reports of faults in live events: the first of each kind is logged with its traceback, the others are counted.

Otherwise a fault in every event would fill the log with the same traceback.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Final

from twisted.logger import Logger

MAX_KINDS: Final = 256  #: kinds of fault that are counted each; more are counted together and not logged

_OTHERS: Final = "others"


class Faults:
    """Counts the faults of one process by kind, and reports each kind once to ``log``."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self.counts: Counter[str] = Counter()

    def failed(self, what: str) -> None:
        """Report the exception that is being handled. ``what`` says what failed and what happens instead.

        Two exceptions are of one kind when ``what``, their type and the line that raised them are the same.
        """
        _, error, trace = sys.exc_info()
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        if self._first(f"{what} {type(error).__name__} {place}"):
            self._log.failure("{what} This is logged once.", what=what)

    def skipped(self, what: str) -> None:
        """Report something that is skipped without an exception, once for each ``what``."""
        if self._first(what):
            self._log.warn("{what} This is logged once.", what=what)

    def _first(self, kind: str) -> bool:
        if kind not in self.counts and len(self.counts) >= MAX_KINDS:
            self.counts[_OTHERS] += 1
            return False
        self.counts[kind] += 1
        return self.counts[kind] == 1


#: For batches that belong to no dispatcher.
FAULTS: Final = Faults(Logger())
