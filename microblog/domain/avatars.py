"""The letter and the colour that stand for an account without a picture."""

from __future__ import annotations

from typing import Final

from microblog.domain.accounts import Account
from microblog.domain.counting import CLUSTER_LIMIT, clusters

COLOURS: Final = 24  #: colours to choose from

_READ: Final = 64  #: code points of a name that are examined
#: 2 to the 32nd by the golden ratio: multiples of it spread evenly (Knuth, The Art of Computer Programming, 6.4).
_SPREAD: Final = 2_654_435_769


def initial(account: Account) -> str:
    """Return the first character of the shown name that a reader sees as a letter, digit or symbol."""
    name = account.shown_name[:_READ].replace("_", " ").strip() or account.name
    found = clusters(name)
    letter = next((each for each in found if each[0].isalnum()), found[0])[:CLUSTER_LIMIT]
    capital = letter.upper()
    return capital if len(capital) == len(letter) else letter


def colour(account: Account) -> int:
    """Return the number of the account's colour. Accounts created one after the other differ."""
    # The low bits of an id are a sequence and mostly zero.
    return ((account.id >> 16) * _SPREAD & 0xFFFF_FFFF) * COLOURS >> 32
