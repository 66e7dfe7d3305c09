"""Kinds of settings that people read on the site: texts of several lines, and how the operator is reached."""

from __future__ import annotations

import re
from collections.abc import Callable

from microblog.config.kinds import WrongValue, _has_controls, _items, _string, _url


def text(longest: int) -> Callable[[object], str]:
    """Text of several lines."""
    right = f"text of at most {longest} characters"

    def parse(value: object) -> str:
        found = _string(value, right).replace("\r\n", "\n")
        if len(found) > longest or _has_controls(found.replace("\n", "").replace("\t", "")):
            raise WrongValue(right)
        return found

    return parse


def lines(most: int, longest: int) -> Callable[[object], tuple[str, ...]]:
    """Several texts of one line each; a single text is split at its line breaks."""
    right = f"at most {most} lines of at most {longest} characters each"

    def parse(value: object) -> tuple[str, ...]:
        items = _items(value, right, r"[\r\n]+")
        if len(items) > most or any(len(item) > longest or _has_controls(item) for item in items):
            raise WrongValue(right)
        return tuple(items)

    return parse


def email_address(value: object) -> str:
    right = "a mail address, as in user@host"
    address = _string(value, right)
    if _has_controls(address) or not re.fullmatch(r"[^@\s<>\"',;]{1,64}@[^@\s<>\"',;]{1,253}", address):
        raise WrongValue(right)
    return address


def account_name(value: object) -> str:
    right = "the user name of an account of this site"
    name = _string(value, right).removeprefix("@")
    if not re.fullmatch(r"[A-Za-z0-9_]{1,30}", name):
        raise WrongValue(right)
    return name


def web_address(value: object) -> str:
    return _url(value, ("http", "https"), "an address that begins with https:// or http://").geturl()
