"""The request as pages read it: fields, JSON, cookies, addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.http.forms import KEY_LIMIT, MAX_PARTS, FormState, MalformedRequest, urlencoded
from microblog.http.request import Request
from microblog.http.responses import Document, Json, Redirect, Response
from microblog.http.routing import Routes
from tests.http.client import Client
from tests.http.harness import Make

routes = Routes("request")


class Status(msgspec.Struct):
    status: str
    sensitive: bool = False


@routes.get("/query")
async def query(_: Any, request: Request) -> Response:
    return Json(list(request.query))


@routes.post("/form", csrf=False)
async def form(_: Any, request: Request) -> Response:
    upload = dict(request.form.files).get("file")
    return Json(
        {
            "fields": list(request.form),
            "file": upload and [upload.name, upload.content_type, len(upload.data)],
            "flag": request.form.flag("flag"),
            "all": request.form.all("tag"),
        }
    )


@routes.post("/json", csrf=False)
async def json(_: Any, request: Request) -> Response:
    return Json(request.json(Status))


@routes.get("/address")
async def address(_: Any, request: Request) -> Response:
    return Document(request.remote_address)


@routes.get("/theme")
async def theme(_: Any, request: Request) -> Response:
    request.set_cookie("theme", "dark", 3600, readable=True)
    return Document(request.cookies.get("theme") or "none")


@routes.get("/flash")
async def flash(_: Any, request: Request) -> Response:
    request.flash("Saved: <b>ü</b>.")
    request.flash("And more.")
    return Redirect("/shown")


@routes.get("/shown")
async def shown(_: Any, request: Request) -> Response:
    return request.render("pages/plain.html", text="shown", public=True)


@routes.get("/enter")
async def enter(_: Any, request: Request) -> Response:
    request.sign_in("a-new-token")
    return Redirect("/shown")


@routes.get("/leave")
async def leave(_: Any, request: Request) -> Response:
    request.sign_out()
    return Redirect("/shown")


@routes.get("/kind")
async def kind(_: Any, request: Request) -> Response:
    return Json([request.is_fragment, request.wants_json])


@pytest.fixture
def client(make: Make) -> Client:
    return make(routes).client


# -- query and form -------------------------------------------------------------------------------------------


async def test_query_is_read_as_utf8(client: Client) -> None:
    answer = await client.get("/query?q=%C3%BC+b&q=2&empty=&a[]=1")
    assert answer.json() == [["q", "ü b"], ["q", "2"], ["empty", ""], ["a[]", "1"]]


@pytest.mark.parametrize("bad", ["q=%ff", "q=%c3%28", "&".join("a=b" for _ in range(KEY_LIMIT + 1))])
async def test_malformed_or_too_long_query_is_400(client: Client, bad: str) -> None:
    assert (await client.get(f"/query?{bad}")).status == 400


async def test_form_may_be_urlencoded_or_multipart(client: Client) -> None:
    fields = {"text": "ü\r\nb", "tag": ["a", "b"], "flag": "on"}
    plain = (await client.post("/form", form=fields)).json()
    mixed = (
        await client.post("/form", form=fields, files={"file": ("ü.png", "image/png", b"\x89PNG\r\n--x")})
    ).json()
    assert (
        plain["fields"] == mixed["fields"] == [["text", "ü\r\nb"], ["tag", "a"], ["tag", "b"], ["flag", "on"]]
    )
    assert plain["file"] is None
    assert mixed["file"] == ["ü.png", "image/png", 9]
    assert plain["flag"] is True
    assert plain["all"] == ["a", "b"]


@pytest.mark.parametrize("value", ["0", "false", "off", "", "no"])
async def test_flag_has_several_words_for_off(client: Client, value: str) -> None:
    assert (await client.post("/form", form={"flag": value})).json()["flag"] is False


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"--x\r\n",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nno end',
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--\r\n',
        b"--x\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\na\r\n' * (MAX_PARTS + 1) + b"--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n' + b"X-A: b\r\n" * 100 + b"\r\na\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\nX-A: '
        + b"b" * 10_000
        + b"\r\n\r\na\r\n--x--\r\n",
    ],
)
async def test_broken_multipart_is_400(client: Client, body: bytes) -> None:
    answer = await client.post(
        "/form", body=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status == 400


async def test_multipart_without_a_boundary_is_400(client: Client) -> None:
    answer = await client.post("/form", body=b"--\r\n", headers={"Content-Type": "multipart/form-data"})
    assert answer.status == 400


async def test_multipart_texts_have_a_limit(client: Client) -> None:
    answer = await client.post("/form", form={"text": "x" * 300_000}, files={})
    assert answer.status == 413


async def test_body_of_another_type_has_no_fields(client: Client) -> None:
    answer = await client.post("/form", body=b"a=b", headers={"Content-Type": "text/plain"})
    assert answer.json()["fields"] == []


# -- JSON -----------------------------------------------------------------------------------------------------


async def test_json_is_read_as_a_type(client: Client) -> None:
    assert (await client.post("/json", json={"status": "ü", "more": 1})).json() == {
        "status": "ü",
        "sensitive": False,
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"status": "\xff"}', 400),
        (b'{"status": "a"} b', 400),
        (b"[" * 60_000, 422),
        (b"[" * 100_000, 413),
        (b'{"status": 1}', 422),
        (b"{}", 422),
        (b"[]", 422),
    ],
)
async def test_malformed_json_is_400_and_json_of_another_type_422(
    client: Client, body: bytes, status: int
) -> None:
    answer = await client.post("/json", body=body, headers={"Accept": "application/json"})
    assert answer.status == status
    assert set(answer.json()) == {"error"}


# -- cookies --------------------------------------------------------------------------------------------------


async def test_session_cookie_is_hidden_from_scripts_and_other_sites(make: Make) -> None:
    plain = await make(routes).client.get("/enter")
    assert plain.cookies[0] == "session=a-new-token; Max-Age=7776000; Path=/; SameSite=Lax; HttpOnly"
    secure = await make(routes, public_url="https://example.org").client.get("/enter")
    assert secure.cookies[0] == (
        "__Host-session=a-new-token; Max-Age=7776000; Path=/; SameSite=Lax; Secure; HttpOnly"
    )
    assert plain.headers["cache-control"] == "no-store"


async def test_only_the_cookie_of_this_host_counts_over_https(make: Make) -> None:
    harness = make(routes, public_url="https://example.org")
    token = harness.sessions.open("t", "bob")
    assert (await harness.client.get("/shown", headers={"Cookie": f"session={token}"})).html.xpath("//nav")[
        0
    ].text == ("nobody")
    page = await harness.client.get("/shown", headers={"Cookie": f"__Host-session={token}"})
    assert page.html.xpath("//nav")[0].text == "bob"


async def test_signing_out_removes_the_session_cookie(client: Client) -> None:
    await client.get("/enter")
    assert "session" in client.cookies
    await client.get("/leave")
    assert "session" not in client.cookies


async def test_preference_cookie_may_be_readable_by_scripts(client: Client) -> None:
    assert (await client.get("/theme")).text == "none"
    assert (await client.get("/theme")).cookies == ["theme=dark; Max-Age=3600; Path=/; SameSite=Lax"]


async def test_flash_message_is_shown_once_and_escaped(client: Client) -> None:
    page = await client.get("/flash", follow=True)
    assert page.html.xpath("//p[@class='flash']/text()") == ["Saved: <b>ü</b>.", "And more."]
    assert page.headers["cache-control"] == "no-store"
    again = await client.get("/shown")
    assert again.html.xpath("//p[@class='flash']") == []
    assert again.headers["cache-control"] == "no-cache"


async def test_forged_or_old_flash_message_is_not_shown(make: Make) -> None:
    harness = make(routes)
    await harness.client.get("/flash")
    genuine = harness.client.cookies["flash"]
    for value in (genuine[:-4] + "AAAA", "", "x", "ü", "=" * 40, genuine[8:]):
        page = await harness.client.get("/shown", headers={"Cookie": f"flash={value}"})
        assert page.html.xpath("//p[@class='flash']") == []
    harness.pass_time(301)
    assert (await harness.client.get("/shown")).html.xpath("//p[@class='flash']") == []


# -- addresses ------------------------------------------------------------------------------------------------


@dataclass
class Case:
    trusted: tuple[str, ...]
    peer: str
    forwarded: str | None
    seen: str


@pytest.mark.parametrize(
    "case",
    [
        Case((), "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        Case((), "127.0.0.1", "203.0.113.9", "127.0.0.1"),
        Case(("10.0.0.0/8",), "127.0.0.1", "203.0.113.9", "127.0.0.1"),
        Case(("127.0.0.1",), "127.0.0.1", "203.0.113.9", "203.0.113.9"),
        Case(("127.0.0.1",), "127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        Case(("127.0.0.1", "10.0.0.0/8"), "127.0.0.1", "1.1.1.1, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        Case(("127.0.0.1",), "127.0.0.1", "nonsense", "127.0.0.1"),
        Case(("127.0.0.1",), "127.0.0.1", "nonsense, 203.0.113.9", "203.0.113.9"),
        Case(("127.0.0.1",), "127.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        Case(("127.0.0.1",), "127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        Case(("127.0.0.1",), "127.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        Case(("::1",), "::1", "2001:db8::1", "2001:db8::1"),
        Case(("127.0.0.1",), "127.0.0.1", None, "127.0.0.1"),
    ],
)
async def test_forwarded_address_counts_from_configured_proxies_only(make: Make, case: Case) -> None:
    harness = make(routes, trusted_proxies=case.trusted)
    client = Client(harness.site, address=case.peer)
    headers = {"X-Forwarded-For": case.forwarded} if case.forwarded is not None else {}
    assert (await client.get("/address", headers=headers)).text == case.seen


LINES = [
    "203.0.113.9",
    "1.1.1.1, 203.0.113.9, 10.1.1.1",
    "nonsense, 203.0.113.9, 10.0.0.7",
    "2001:db8::1, 10.0.0.1",
]


@pytest.mark.parametrize("whole", LINES)
async def test_list_header_may_come_in_several_lines(make: Make, whole: str) -> None:
    """RFC 9110, section 5.3: an inner proxy may add a line instead of extending the last one."""
    harness = make(routes, trusted_proxies=("127.0.0.1", "10.0.0.0/8"))

    def seen(lines: list[str]) -> bytes:
        connection = Client(harness.site, address="127.0.0.1").connect()
        head = "".join(f"X-Forwarded-For: {line}\r\n" for line in lines)
        connection.send(f"GET /address HTTP/1.1\r\nHost: localhost:8000\r\n{head}\r\n".encode())
        return connection.received.rpartition(b"\r\n\r\n")[2]

    hops = whole.split(", ")
    expected = seen([whole])
    for cut in range(1, len(hops)):
        assert seen([", ".join(hops[:cut]), ", ".join(hops[cut:])]) == expected
    assert seen(hops) == expected


# -- kinds of answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "fragment", "json"),
    [
        ({}, False, False),
        ({"X-Fragment": "1"}, True, False),
        ({"Accept": "application/json"}, False, True),
        ({"Accept": "application/activity+json"}, False, True),
        ({"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, False, False),
        ({"Accept": "*/*"}, False, False),
        ({"Accept": "text/html, application/json"}, False, False),
    ],
)
async def test_request_wants_json_or_a_fragment_or_a_page(
    client: Client, headers: dict[str, str], fragment: bool, json: bool
) -> None:
    assert (await client.get("/kind", headers=headers)).json() == [fragment, json]


def test_rejected_form_keeps_its_values_and_shows_the_error_at_its_field() -> None:
    from microblog.domain.errors import Conflict, InvalidInput

    state = FormState({"name": "bob", "email": "b@"}).with_error(InvalidInput("That is no address.", "email"))
    assert state.value("name") == "bob"
    assert state.error("email") == "That is no address."
    assert state.error("name") is None
    assert state.with_error(Conflict("Taken.")).error() == "Taken."
    assert state.with_error(InvalidInput("Odd.", "elsewhere")).error() == "Odd."


@given(st.binary(max_size=60) | st.text(alphabet="a%&=+;c3Bü ", max_size=40).map(str.encode))
def test_forms_are_decoded_like_the_standard_library_does(text: bytes) -> None:
    try:
        expected = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(MalformedRequest):
            urlencoded(text)
    else:
        assert list(urlencoded(text)) == expected
