"""The API's description is true: what it says is asked for and answered, and nothing that fits it breaks anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from microblog.web.api import APIS
from microblog.web.api.openapi import statuses
from tests.web.api.api_site import ApiSite
from tests.web.api.live import Live

#: What the tool compares. Not: that every body which fits the schema is taken, as a name can be taken.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
#: How many requests are made up for each endpoint; more by MICROBLOG_TEST_EXAMPLES.
EXAMPLES = os.environ.get("MICROBLOG_TEST_EXAMPLES", "5")


async def test_every_endpoint_is_described(api_site: ApiSite) -> None:
    page = await api_site.stranger().get("/api/openapi.json")
    assert page.headers["cache-control"] == "public, max-age=300"
    described = page.json()
    assert described["openapi"].startswith("3.1")
    for api in APIS:
        for endpoint in api.endpoints:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", endpoint.route.path)
            operation = described["paths"][path][endpoint.route.method.lower()]
            assert operation["summary"]
            codes = {str(status) for status in statuses(endpoint)}
            assert codes <= set(operation["responses"])


async def test_every_reference_leads_somewhere(api_site: ApiSite) -> None:
    described = (await api_site.stranger().get("/api/openapi.json")).json()
    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if "$ref" in value else set()
            return own.union(*(references(each) for each in value.values()))
        return set().union(*(references(each) for each in value)) if isinstance(value, list) else set()

    assert references(described) <= known


async def test_names_of_operations_are_unique(api_site: ApiSite) -> None:
    described = (await api_site.stranger().get("/api/openapi.json")).json()
    names = [each["operationId"] for path in described["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))


@pytest.mark.long
@pytest.mark.parametrize("who", ["somebody", "stranger"])
def test_what_fits_the_description_is_answered_as_described(live: Live, who: str, tmp_path: Path) -> None:
    """schemathesis makes requests up from the document, and compares the answers with it."""
    # TRACE is no method of this site's, and gets the 501 that the tool takes for a failure.
    (tmp_path / "schemathesis.toml").write_text(
        '[phases.coverage]\nunexpected-methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]\n'
    )
    phases = "coverage,fuzzing" if who == "somebody" else "fuzzing"
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{live.url}/api/openapi.json",
        "--checks", ",".join(CHECKS), "--max-examples", EXAMPLES, "--phases", phases,
        "--generation-database", "none", "--seed", "1", "--request-timeout", "30", "--suppress-health-check", "all",
        "--workers", "2", "--warnings", "off", "--continue-on-failure",
    ]  # fmt: skip
    if who == "somebody":
        _, token = live.sign_up("fuzzed")
        # Without what would end the token itself.
        command += ["-H", f"Authorization: Bearer {token}", "--exclude-path", "/oauth/revoke"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-3000:]
    log = live.service.log.read_text()
    assert "failed." not in log, log[log.index("failed.") - 500 :][:4000]
