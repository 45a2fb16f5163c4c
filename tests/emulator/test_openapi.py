"""`cometconn.emulator.openapi`: what the document describes is what the server does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import trio

import cometconn
from cometconn.emulator import open_emulator
from cometconn.emulator.controls import CONTROLS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
async def control() -> AsyncIterator[httpx2.AsyncClient]:
    """Return an HTTP client of a server with controls."""
    async with (
        open_emulator(control=True) as server,
        httpx2.AsyncClient(base_url=server.url, timeout=5) as client,
    ):
        yield client


def references(value: Any) -> Iterator[str]:
    """Yield every `$ref` in a document."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from (item,) if name == "$ref" else references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def example(schema: dict[str, Any]) -> Any:
    """Return a value that a schema allows."""
    choice = schema.get("anyOf", [schema])[0]
    named = {"uid": "zed-1", "guid": "hikers", "connection": 1, "message": 1}
    if "format" in choice or "enum" in choice:
        return choice["enum"][0] if "enum" in choice else named[choice["format"]]
    return {"string": "x", "integer": 500, "number": 1, "boolean": True}[choice["type"]]


async def test_every_control_is_described_as_it_is(control: httpx2.AsyncClient) -> None:
    """With all that it needs, it does not answer that the request is bad; without something needed, it answers 400."""
    with trio.fail_after(20):
        document = (await control.get("/control/openapi.json")).json()
        assert document["info"]["version"] == cometconn.__version__
        assert list(document["paths"]) == [f"/control/{each.name}" for each in CONTROLS]
        for path, operations in document["paths"].items():
            ((method, operation),) = operations.items()
            (media_type,) = operation["responses"]["200"]["content"]
            if media_type == "text/event-stream":
                continue  # it never ends
            query = {each["name"]: each for each in operation.get("parameters", ())}
            needed = {name: example(each["schema"]) for name, each in query.items() if each["required"]}
            content = operation.get("requestBody", {"content": {}})["content"]
            schema = content.get("application/json", {"schema": {}})["schema"]
            body = {name: example(schema["properties"][name]) for name in schema.get("required", ())}
            sent = {"json": body} if "application/json" in content else {"content": "x"} if content else {}
            answer = await control.request(method, path, params=needed, **sent)
            code = answer.json()["error"]["message"] if answer.status_code == 400 else ""
            assert not re.search("must be (?!a receiver or a group|a uid or a connection)|must have|body has ", code), (
                path,
                code,
            )
            if answer.status_code == 200:
                assert answer.headers["content-type"].startswith(media_type), path
            for name in needed:
                less = {other: value for other, value in needed.items() if other != name}
                assert (await control.request(method, path, params=less, **sent)).status_code == 400, (path, name)
            for name in body:
                less = {other: value for other, value in body.items() if other != name}
                assert (await control.request(method, path, params=needed, json=less)).status_code == 400, (path, name)


async def test_the_document_is_complete(control: httpx2.AsyncClient) -> None:
    """Every reference leads somewhere, and every operation has an id of its own."""
    document = (await control.get("/control/openapi.json")).json()
    for reference in references(document):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) == len(CONTROLS)
    assert all(operation["summary"].endswith(".") for operation in operations)
