"""An open page comes back to its stream, whatever ended it. Runs the script under Node.js, where that is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import microblog.web

SCRIPT = Path(microblog.web.__file__).parent / "static" / "live.js"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node.js is not installed")

#: A page with its clock, its timers and its network in the hands of the test: each line of STEPS does one thing.
HARNESS = """
const listeners = {};
const element = (dataset) => ({
  dataset, replaceChildren(...all) { this.shown = all.map((e) => e.textContent).join(); },
});
const news = element({
  live: "public", self: "1", since: STARTS_AT, one: "1 new post", many: "{} new posts", gap: "More is new",
});
globalThis.document = {
  hidden: false, title: "Public", querySelector: () => news, getElementById: () => null,
  createElement: () => ({}), addEventListener: (name, call) => (listeners[name] = call),
};
globalThis.addEventListener = (name, call) => (listeners[name] = call);
globalThis.location = { origin: "http://localhost", pathname: "/public" };
let now = 1000000;
Date.now = () => now;
const timers = new Map();
let numbers = 0;
globalThis.setTimeout = (call, delay) => { timers.set(++numbers, [call, delay]); return numbers; };
globalThis.clearTimeout = (number) => timers.delete(number);
const sources = [];
globalThis.EventSource = class {
  constructor(address) { this.address = String(address); this.calls = {}; this.open = true; sources.push(this); }
  addEventListener(name, call) { this.calls[name] = call; }
  close() { this.open = false; }
};
await import("./live.mjs");
const report = [];
for (const [step, value] of STEPS) {
  const last = sources.at(-1);
  if (step === "error") last.calls.error({});
  if (step === "cursor") last.calls.cursor({ lastEventId: value, data: value });
  if (step === "post") last.calls.post({ lastEventId: value, data: JSON.stringify({ kind: "post", id: value }) });
  if (step === "pass") now += value;
  if (step === "hide") { document.hidden = value; listeners.visibilitychange(); }
  if (step === "window") listeners[value]();
  if (step === "wait") {
    const due = [...timers.values()];
    timers.clear();
    for (const [call, delay] of due) { now += delay; call(); }
    report.push(due.map(([, delay]) => delay));
  }
}
console.log(JSON.stringify({
  delays: report, addresses: sources.map((s) => s.address), open: sources.filter((s) => s.open).length,
  timers: timers.size, shown: news.shown ?? "",
}));
"""


@pytest.fixture
def page(tmp_path: Path) -> Any:
    """Take a page through steps, and return what it did."""
    (tmp_path / "live.mjs").write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")

    def run(*steps: tuple[str, Any], starts_at: str = "100") -> dict[str, Any]:
        harness = HARNESS.replace("STEPS", json.dumps(steps)).replace("STARTS_AT", json.dumps(starts_at))
        (tmp_path / "harness.mjs").write_text(harness, encoding="utf-8")
        assert NODE is not None
        finished = subprocess.run(
            [NODE, "harness.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == 0, finished.stderr
        result: dict[str, Any] = json.loads(finished.stdout)
        return result

    return run


def test_page_reconnects_from_its_cursor_after_an_error(page: Any) -> None:
    done = page(("cursor", "110"), ("post", "117"), ("error", None), ("wait", None))
    assert [each.partition("since=")[2] for each in done["addresses"]] == ["100", "117"]
    assert (done["open"], done["timers"], done["shown"]) == (1, 0, "1 new post")


def test_page_without_a_cursor_takes_it_from_the_stream(page: Any) -> None:
    done = page(("cursor", "110"), ("error", None), ("wait", None), starts_at="")
    assert [each.partition("since=")[2] for each in done["addresses"]] == ["", "110"]


def test_reconnections_back_off_up_to_a_minute_and_a_half(page: Any) -> None:
    done = page(*[("error", None), ("wait", None)] * 12)
    delays = [delay for [delay] in done["delays"]]
    for number, delay in enumerate(delays):
        most = min(2000 * 2**number, 60_000)
        assert 0.5 * most <= delay <= 1.5 * most
    assert done["open"] == 1


def test_pages_do_not_reconnect_all_at_once(page: Any) -> None:
    delays = {page(("error", None), ("wait", None))["delays"][0][0] for _ in range(5)}
    assert len(delays) > 1


def test_stable_connection_resets_the_back_off(page: Any) -> None:
    failing = [("error", None), ("wait", None)] * 5
    long_ago = page(*failing, ("cursor", "1"), ("pass", 60_000), ("error", None), ("wait", None))
    assert long_ago["delays"][-1][0] <= 3000
    at_once = page(*failing, ("cursor", "1"), ("error", None), ("wait", None))
    assert at_once["delays"][-1][0] >= 30_000


def test_hidden_page_does_not_reconnect_until_it_is_shown(page: Any) -> None:
    done = page(("error", None), ("hide", True))
    assert (done["open"], done["timers"], len(done["addresses"])) == (0, 0, 1)
    done = page(("error", None), ("hide", True), ("hide", False))
    assert (done["open"], done["timers"], len(done["addresses"])) == (1, 0, 2)


@pytest.mark.parametrize("signal", ["online", "pageshow"])
def test_page_reconnects_at_once_when_the_network_returns(page: Any, signal: str) -> None:
    done = page(("error", None), ("window", signal))
    assert (done["open"], done["timers"], len(done["addresses"])) == (1, 0, 2)


def test_each_page_has_one_connection_at_most(page: Any) -> None:
    done = page(
        ("window", "online"), ("error", None), ("error", None), ("window", "pageshow"), ("wait", None)
    )
    assert done["open"] == 1
