"""Posts a second through the API: ``POST /api/v1/statuses`` by 32 clients, each answered when its post is on disk.

Each client has an account and a token of its own, and sends the next post after the answer to the last. The reference
is pgbench with as many clients, which inserts one row a transaction into a bare table of the same database: the rate at
which this machine can write to disk.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
from pathlib import Path

from benchmarks import http_load, rig
from benchmarks.posting import TEXT, pgbench
from microblog.services.secret_tokens import digest

CLIENTS = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=rig.SECONDS, help="[default: %(default)s]")
    parser.add_argument("--rounds", type=int, default=rig.ROUNDS, help="[default: %(default)s]")
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works")
    given = parser.parse_args()
    if given.quick:
        given.seconds, given.rounds = 1.0, 1
    program = pgbench()
    if program is None:
        print("\nPosting through the API: skipped, there is no pgbench here.")
        return
    with rig.site(pool_size="24") as site:
        _writers(site)
        rig.tell(
            "Posting through the API against bare inserts by pgbench",
            (
                f"microblog   one process of twistd, POST /api/v1/statuses, {CLIENTS} clients",
                f"pgbench     one row a transaction into a table with one index, {CLIENTS} clients",
                f"database    embedded PostgreSQL, fsync and synchronous_commit on; {given.seconds:g} s each",
            ),
        )
        plain = f"status={TEXT.replace(' ', '+')}".encode()
        _rate(site, plain, 1.0)
        ours, theirs, used = [], [], []
        for _ in range(given.rounds):
            before = rig.cpu_seconds(site.pid)
            ours.append(_rate(site, plain, given.seconds))
            used.append((rig.cpu_seconds(site.pid) - before) / given.seconds)
            theirs.append(_bare(program, site, given.seconds))
        rig.report(ours, theirs, "posts/s", "pgbench")
        print(f"  server      {used[-1]:.0%} of a core, {used[-1] / ours[-1] * 1e6:,.0f} µs of it a post")


def _writers(site: rig.Site) -> None:
    """Insert accounts and tokens into the database, because the benchmark is not about passwords."""
    with contextlib.closing(site.connect()) as database, database, database.cursor() as cursor:
        for number in range(CLIENTS):
            cursor.execute(
                "WITH made AS (INSERT INTO accounts (name) VALUES (%(name)s) RETURNING id), "
                "own AS (INSERT INTO users (account_id, email, password_hash) "
                "SELECT id, %(name)s || '@example.org', 'none' FROM made) "
                "INSERT INTO tokens (token_hash, account_id, scopes) "
                "SELECT %(hash)s, id, '{read,write}' FROM made",
                {"name": f"writer{number}", "hash": digest(f"benchmark-writer-{number}")},
            )
        cursor.execute("CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text)")


def _rate(site: rig.Site, body: bytes, seconds: float) -> float:
    return http_load.own(
        f"{site.url}/api/v1/statuses",
        connections=CLIENTS,
        seconds=seconds,
        headers=("Authorization: Bearer benchmark-writer-{number}",),
        body=lambda _: body,
    )


def _bare(program: str, site: rig.Site, seconds: float) -> float:
    """Return rows a second."""
    script = site.folder.parent / "bare.sql"
    Path(script).write_text(f"INSERT INTO bare (text) VALUES ('{TEXT}');\n")
    run = subprocess.run(
        [
            program, "-n", "-c", str(CLIENTS), "-j", "1", "-T", str(max(1, round(seconds))), "-f", script,
            "-h", site.sockets, "-U", "microblog", "microblog",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for line in run.stdout.splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2])
    raise SystemExit(f"pgbench said nothing of a rate:\n{run.stdout}")


if __name__ == "__main__":
    main()
