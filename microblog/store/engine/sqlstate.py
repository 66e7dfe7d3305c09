"""The classification of PostgreSQL's errors by SQLSTATE, used wherever the store has to react to an error.

The first two characters of a SQLSTATE are its class, and a class mostly decides what to do. The codes are those of the
PostgreSQL documentation, appendix A. libpq's own errors (no route, refused, closed) have no code.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import psycopg2
from psycopg2._psycopg import sqlstate_errors


class Fault(Enum):
    """What an error of the database means."""

    LOST = "lost"  #: the connection is gone, and the server may be
    ENDED = "ended"  #: the server ended this one connection, because its transaction was idle for too long
    CONTENDED = (
        "contended"  #: a deadlock or a serialisation failure: the same transaction can succeed at once
    )
    SLOW = "slow"  #: the statement ran, or waited for a lock, for longer than allowed
    FULL = "full"  #: no room on the disk
    SHORT = "short"  #: no memory, no connection, or another limit of the server
    READ_ONLY = "read only"  #: a standby, or a server that was made read-only
    BROKEN = "broken"  #: an error of the server itself or of its files
    OTHER = "other"  #: another error that is not caused by the statement
    TAKEN = "taken"  #: a unique constraint
    MISSING = "missing"  #: a foreign key
    INVALID = "invalid"  #: the value cannot be stored
    MISTAKE = "mistake"  #: a mistake in our statement, or something else that should never happen


#: By whole code, where it does not mean the same as the rest of its class.
_CODES: Final = {
    "22001": Fault.INVALID,  # string_data_right_truncation
    "22021": Fault.INVALID,  # character_not_in_repertoire
    "22P05": Fault.INVALID,  # untranslatable_character
    "23503": Fault.MISSING,  # foreign_key_violation
    "23505": Fault.TAKEN,  # unique_violation
    "23514": Fault.INVALID,  # check_violation
    "25006": Fault.READ_ONLY,  # read_only_sql_transaction
    "25P03": Fault.ENDED,  # idle_in_transaction_session_timeout
    "25P04": Fault.ENDED,  # transaction_timeout
    "40001": Fault.CONTENDED,  # serialization_failure
    "40P01": Fault.CONTENDED,  # deadlock_detected
    "40003": Fault.LOST,  # statement_completion_unknown
    "53100": Fault.FULL,  # disk_full
    "55P03": Fault.SLOW,  # lock_not_available
    "57014": Fault.SLOW,  # query_canceled
}

#: By the beginning of the code, the longer first.
_CLASSES: Final = (
    ("57P", Fault.LOST),  # the operator's: shut down, crashed, starting, dropped
    ("08", Fault.LOST),  # connection exceptions
    ("53", Fault.SHORT),  # insufficient resources
    ("58", Fault.BROKEN),  # errors of the system outside PostgreSQL
    ("F0", Fault.BROKEN),  # configuration file
    ("XX", Fault.BROKEN),  # internal errors, corrupted data
)


#: The driver has a class for each code, which also tells the code of an error that came without it.
_CODE_OF: Final[dict[type[BaseException], str]] = {kind: code for code, kind in sqlstate_errors.items()}


def fault_of(error: BaseException) -> Fault:
    """Return what an error of the driver means."""
    code: str | None = getattr(error, "pgcode", None) or _CODE_OF.get(type(error))
    if code is not None:
        if (known := _CODES.get(code)) is not None:
            return known
        for beginning, meaning in _CLASSES:
            if code.startswith(beginning):
                return meaning
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return Fault.LOST if code is None else Fault.OTHER
    return Fault.MISTAKE


def is_lost(error: BaseException) -> bool:
    """Return whether the connection itself is gone, and not only the statement."""
    return fault_of(error) in (Fault.LOST, Fault.ENDED)
