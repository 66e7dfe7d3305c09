"""The composer's counter counts what the server counts. Runs the script under Node.js, where that is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import microblog.web
from microblog.domain import counting, text
from tests.domain.corpora import HOSTILE
from tests.domain.surroundings import ENTITIES, pieces, surrounded

SCRIPT = Path(microblog.web.__file__).parent / "static" / "composer.js"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node.js is not installed")

HARNESS = """
import { createInterface } from "node:readline";
globalThis.document = { querySelectorAll: () => [] };
const { length, lineLength } = await import("./composer.mjs");
for await (const line of createInterface({ input: process.stdin })) {
  const source = JSON.parse(line);
  console.log(JSON.stringify([length(source), lineLength(source)]));
}
"""

Counter = Callable[[str], tuple[int, int]]


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    """The length of a post and of a content warning, as the script counts them."""
    folder = tmp_path_factory.mktemp("composer")
    (folder / "composer.mjs").write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "harness.mjs").write_text(HARNESS, encoding="utf-8")
    assert NODE is not None
    node = subprocess.Popen(
        [NODE, "harness.mjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert node.stdin is not None
    assert node.stdout is not None
    stdin, stdout = node.stdin, node.stdout

    def count(source: str) -> tuple[int, int]:
        stdin.write(json.dumps(source) + "\n")
        stdin.flush()
        post, line = json.loads(stdout.readline())
        return post, line

    yield count
    stdin.close()
    node.wait(30)
    stdout.close()


def agree(counter: Counter, source: str) -> None:
    line = counting.graphemes(" ".join(text.normalise(source).split()))
    assert counter(source) == (text.length(source), line)


@pytest.mark.parametrize("source", ENTITIES)
def test_counter_and_server_agree_on_each_entity(counter: Counter, source: str) -> None:
    agree(counter, source)


@settings(max_examples=400, deadline=None)
@given(surrounded())
def test_counter_and_server_agree_in_any_surroundings(counter: Counter, source: str) -> None:
    agree(counter, source)


@settings(max_examples=400, deadline=None)
@given(pieces())
@example("https://foo_bar.example.com/ https://foo-.example.com/ https://i❤.ws/")
@example("@bob@example.org's @bob@foo_bar.example.org @bob@-a.example")
@example("https://example.org:0/ https://example.org:x https://example.org:80! https://a@b.example/")
@example("https://example.org/" + "a" * 2040)
@example("https://01.2.3.4/ https://1.2.3.4. https://1.2.3.4.5 https://1.2.3")
def test_counter_and_server_agree_on_mixed_pieces(counter: Counter, source: str) -> None:
    agree(counter, source)


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_counter_and_server_agree_on_hostile_texts(counter: Counter, source: str) -> None:
    agree(counter, source[: text.MAX_RAW])


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cn", "Co"]), max_size=60))
def test_counter_and_server_agree_on_any_letters(counter: Counter, source: str) -> None:
    agree(counter, source)


def test_the_script_runs_in_older_safari() -> None:
    """Safari before 16.4 refuses a whole script with a lookbehind in it, and before 17 the "v" flag."""
    for script in SCRIPT.parent.glob("*.js"):
        source = script.read_text(encoding="utf-8")
        assert "(?<=" not in source, script.name
        assert "(?<!" not in source, script.name
