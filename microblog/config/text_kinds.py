"""Kinds of settings that the site shows: longer texts, and the contact data of the operator."""

from __future__ import annotations

import re
from collections.abc import Callable

from microblog.config.kinds import WrongValue, as_text, has_control_characters, parse_url, split_list


def multiline(longest: int) -> Callable[[object], str]:
    """Return the kind of texts of several lines."""
    right = f"text of at most {longest} characters"

    def parse(value: object) -> str:
        text = as_text(value, right).replace("\r\n", "\n")
        if len(text) > longest or has_control_characters(text.replace("\n", "").replace("\t", "")):
            raise WrongValue(right)
        return text

    return parse


def lines(most: int, longest: int) -> Callable[[object], tuple[str, ...]]:
    """Return the kind of several texts of one line each; a single text is split at its line breaks."""
    right = f"at most {most} lines of at most {longest} characters each"

    def parse(value: object) -> tuple[str, ...]:
        items = split_list(value, right, r"[\r\n]+")
        if len(items) > most or any(len(item) > longest or has_control_characters(item) for item in items):
            raise WrongValue(right)
        return tuple(items)

    return parse


def email_address(value: object) -> str:
    right = "a mail address, as in user@host"
    address = as_text(value, right)
    if has_control_characters(address) or not re.fullmatch(
        r"[^@\s<>\"',;]{1,64}@[^@\s<>\"',;]{1,253}", address
    ):
        raise WrongValue(right)
    return address


def account_name(value: object) -> str:
    right = "the user name of an account of this site"
    name = as_text(value, right).removeprefix("@")
    if not re.fullmatch(r"[A-Za-z0-9_]{1,30}", name):
        raise WrongValue(right)
    return name


def web_address(value: object) -> str:
    return parse_url(value, ("http", "https"), "an address that begins with https:// or http://").geturl()
