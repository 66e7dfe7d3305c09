"""Fixtures for the tests of http/."""

from tests.http.fixtures import make

__all__ = ["make"]
