"""Fixtures of the tests of the HTTP floor."""

from tests.http.fixtures import make

__all__ = ["make"]
