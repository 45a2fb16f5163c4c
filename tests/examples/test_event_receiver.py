"""The receiver of the page on forwarding, with the requests that `cometconn listen` makes."""

from __future__ import annotations

import importlib.util
import pathlib
from types import ModuleType

import httpx2
import pytest

from cometconn.cli.forward import Forwarder, Receiver
from cometconn.environment import Request, Response
from cometconn.events import TextMessage, User

PATH = pathlib.Path(__file__).with_name("event_receiver.py")


@pytest.fixture
def service(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program as a module, with a database of its own."""
    monkeypatch.setenv("FORWARD_SECRET", "a-secret")
    monkeypatch.setenv("DATABASE", str(tmp_path / "events.sqlite"))
    spec = importlib.util.spec_from_file_location("event_receiver", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_each_event_is_handled_once(service: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """What comes again with the same key is accepted and not handled again; without the secret nothing is accepted."""
    transport = httpx2.ASGITransport(service.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://receiver.test") as http:
        assert (await http.post("/events", json={})).status_code == 401

        async def request(request: Request) -> Response:
            answer = await http.post("/events", content=request.body, headers=dict(request.headers))
            return Response(answer.status_code, {}, answer.content)

        receiver = Receiver("http://receiver.test/events", "receiver.test", "Bearer a-secret")
        forwarder = Forwarder(receiver, request, lambda: 0.0, ("APP", "zed-1"))
        for number in (1, 2, 1):
            text = f"message {number}"
            await forwarder.deliver(TextMessage(id=number, category="message", sender=AMY, receiver=ZED, text=text))
    service.database.close()
    assert capsys.readouterr().out == "Amy: message 1\nAmy: message 2\n"


AMY, ZED = User("amy-2", name="Amy"), User("zed-1")
