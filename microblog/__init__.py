"""Microblog: a small social network in one process."""

__version__ = "1.0.0"
