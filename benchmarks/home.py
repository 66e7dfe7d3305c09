"""The home timeline through the API, on a large site: the latency for viewers who follow 1,000, 100 or 10 accounts.

Also for viewers of the 1,000 or 10 accounts whose last posts are the oldest, which is the worst case.

    python -m benchmarks.home [--site DIR] [--seconds S]

Server and PostgreSQL share one core, where the machine has several, and the client has the others. Requests follow one
another, 20 posts each: the newest page and the pages below, as a viewer scrolls. The reference is a request for the
viewer alone (``/api/v1/accounts/verify_credentials``), which is everything around the timeline.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import time
from pathlib import Path

import psutil

from benchmarks import rig, site
from benchmarks.filling import PEOPLE, POSTS

PAGES = 5  #: of each reader, one below the other


class Client:
    """A persistent connection."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> tuple[float, bytes]:
        """Return the seconds until the whole answer had arrived, and the answer."""
        begun = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        taken = time.perf_counter() - begun
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}: {body[:200]!r}")
        return taken, body


def measure(client: Client, paths: list[str], seconds: float) -> list[float]:
    """Return milliseconds, sorted."""
    end = time.monotonic() + seconds
    taken = []
    while time.monotonic() < end:
        taken += [client.get(path)[0] * 1000 for path in paths]
    return sorted(taken)


def backends(server: rig.Site) -> float:
    """Return the seconds of processor time that PostgreSQL's running processes have used."""
    [pid_file] = server.folder.glob("**/postmaster.pid")
    running = psutil.Process(int(pid_file.read_text().split()[0])).children()
    return sum(int(Path(f"/proc/{each.pid}/schedstat").read_text().split()[0]) / 1e9 for each in running)


def line(name: str, taken: list[float]) -> str:
    p99 = taken[min(len(taken) - 1, int(len(taken) * 0.99))]
    return (
        f"  {name:<12} p50 {statistics.median(taken):6.1f} ms   p99 {p99:6.1f} ms   most {taken[-1]:6.1f} ms"
        f"   {len(taken):,} requests"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--site", type=Path, help="a site that benchmarks.site made; else one is built")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each reader [default: %(default)s]")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with site.large(given.site, cores=set(cores[:1])) as (server, readers):
        if len(cores) > 1:
            os.sched_setaffinity(0, cores[1:])
        rig.tell(
            "The home timeline through the API",
            (
                f"site        {PEOPLE:,} people, {POSTS:,} posts; server and PostgreSQL on one core together",
                f"requests    GET /api/v1/timelines/home, 20 posts, {PAGES} pages down, one after the other",
            ),
        )
        for reader in readers:
            client = Client(server.http, reader.token)
            paths = ["/api/v1/timelines/home"]
            while len(paths) < PAGES and len(page := json.loads(client.get(paths[-1])[1])) == 20:
                paths.append(f"/api/v1/timelines/home?max_id={page[-1]['id']}")
            measure(client, paths, 1.0)
            used, used_there = rig.cpu_seconds(server.pid), backends(server)
            taken = measure(client, paths, given.seconds)
            here = (rig.cpu_seconds(server.pid) - used) * 1000 / len(taken)
            there = (backends(server) - used_there) * 1000 / len(taken)
            print(
                f"{line(reader.label, taken)}   processor {here:.1f} ms server, {there:.1f} ms PostgreSQL",
                flush=True,
            )
        alone = measure(
            Client(server.http, readers[-1].token), ["/api/v1/accounts/verify_credentials"], given.seconds / 2
        )
        print(line("viewer alone", alone), flush=True)


if __name__ == "__main__":
    main()
