"""A site of the size that a good server has after a year, with accounts, posts and follows.

    python -m benchmarks.site --keep DIR        builds a site, reports the time, and keeps it in DIR
    with site.large() as (server, readers): …   used by other benchmarks; ``--site DIR`` names a kept one

COPY writes 100,000 accounts and 1,000,000 posts. Few accounts post much and most post little, and accounts with many
followers post more. A quarter of the posts are replies, a seventh are boosts, a tenth mention an account, a third have
tags, few of them common. All values are random from one seed, so two runs are equal. The site's own code parses and
renders the texts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psycopg2

from benchmarks import rig
from benchmarks.filling import PEOPLE, POSTS, fill
from benchmarks.invention import Reader

_MADE: Final = "benchmark-site.json"


@contextmanager
def large(
    kept: Path | None = None,
    *,
    cores: set[int] | None = None,
    say: Callable[[str], object] = print,
    **settings: str,
) -> Iterator[tuple[rig.Site, tuple[Reader, ...]]]:
    """A running server of the large site: that in ``kept``, built there first if there is none, else a passing one.

    ``cores``: those that server and database may use.
    """
    with ExitStack() as stack:
        folder = kept if kept is not None else stack.enter_context(rig.folder())
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        server = rig.Site(folder / "var")
        server.folder.mkdir(exist_ok=True)
        made = folder / _MADE
        if not made.exists():
            _build(server, made, say)
        server.start({name.replace("_", "-"): value for name, value in settings.items()}, cores=cores)
        assert server.process is not None
        stack.callback(rig.stop, server.process)
        settle(server, say)
        yield server, tuple(Reader(*each) for each in json.loads(made.read_text()))


def _build(server: rig.Site, made: Path, say: Callable[[str], object]) -> None:
    begun = time.monotonic()
    server.start({"roles": "web"})
    assert server.process is not None
    try:
        with contextlib.closing(server.connect()) as database:
            readers = fill(database)
    finally:
        rig.stop(server.process)
    made.write_text(json.dumps([(each.follows, each.name, each.token, each.quiet) for each in readers]))
    say(f"  site        {PEOPLE:,} people and {POSTS:,} posts, built in {time.monotonic() - begun:.0f} s")


_DONE: Final = """
    SELECT coalesce((SELECT max(day) FROM statistic_days) >= current_date - 1, false),
        (SELECT count(*) FROM statistic_days),
        (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()
            AND backend_type IN ('client backend', 'autovacuum worker'))"""


def settle(server: rig.Site, say: Callable[[str], object] = print) -> None:
    """Wait until a site that was filled at once resembles one that grew, with no background work left.

    The statistics of 365 days are counted after the first start, which takes a core for half a minute; tables are
    vacuumed and analysed, and what is in memory is on disk.
    """
    begun = time.monotonic()
    with contextlib.closing(
        psycopg2.connect(host=server.sockets, user="postgres", dbname="microblog")
    ) as database:
        database.autocommit = True
        with database.cursor() as cursor:
            same, before = 0, -1
            while same < 5:
                time.sleep(0.5)
                cursor.execute(_DONE)
                done, days, busy = cursor.fetchone()
                same = same + 1 if done and days == before and not busy else 0
                before = days
                if time.monotonic() > begun + 600:
                    raise SystemExit("The site's tasks did not come to an end within ten minutes.")
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")
    took = time.monotonic() - begun
    say(f"  settled     {before} days of statistics are counted, vacuumed, checkpoint: {took:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description="Builds a large site for the benchmarks.")
    parser.add_argument(
        "--keep", type=Path, required=True, help="the folder to leave it in; one that is there stays"
    )
    given = parser.parse_args()
    rig.tell("A large site", (f"in          {given.keep}",))
    with large(given.keep):
        pass


if __name__ == "__main__":
    main()
