"""Scripts in which a frame is written inside the call, as on a plain socket: all of it, a part, or nothing."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import trio

from cometconn.testing import MemorySocket

from .fuzz import fuzz


@pytest.mark.parametrize("torn", [0.0, 0.3], ids=["whole", "in-parts"])
def test_client_and_model_agree(torn: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Client and model agree whatever part of a frame the socket takes at once, and the server gets every frame whole."""
    draw = random.Random(20_261_126)
    taken: Counter[str] = Counter()

    def write_nowait(stream: trio.abc.Stream, data: bytes) -> int:
        assert isinstance(stream, MemorySocket)
        most = draw.randrange(len(data)) if draw.random() < torn else len(data)
        size = stream.send_nowait(data[:most])
        taken["all" if size == len(data) else "a part" if size else "nothing"] += 1
        return size

    monkeypatch.setattr("cometconn._transport.feedable_stream.write_nowait", write_nowait)
    fuzz(80, 20_261_126, shrink=False)
    assert taken["all"] > 50
    assert (taken["a part"] > 25) == bool(torn)
