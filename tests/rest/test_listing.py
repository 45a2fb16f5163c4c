"""The iterators over lists: cancelled, failing, read by two tasks, and outliving their user."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from cometconn.environment import Response
from cometconn.errors import ApiError, NotLoggedInError

from .harness import message, open_chat, page

ERROR = b'{"error": {"code": "ERR_INTERNAL_SERVER_ERROR", "message": "no"}}'


def two_pages(_: str, query: dict[str, str]) -> Any:
    """Return messages 200 to 101, then 100 to 1."""
    last = int(query.get("id", 201)) - 1
    return page([*map(message, range(last - 99, last + 1))], pages=1 if last == 100 else 2)


async def test_pages_are_fetched_when_they_are_needed(autojump_clock: MockClock) -> None:
    """None before the first element, and none after the loop was left; a further loop goes on there."""
    async with open_chat(two_pages) as pair:
        history = pair.chat.messages.history()
        assert not pair.environment.asked
        async for found in history:
            if found.id == 150:
                break
        assert len(pair.environment.asked) == 1
        assert [found.id async for found in history] == list(range(149, 0, -1))
        assert len(pair.environment.asked) == 2
        assert [found.id async for found in history] == []


async def test_a_cancel_loses_nothing(autojump_clock: MockClock) -> None:
    """Wherever the reader is cancelled, the next call returns what comes next."""

    async def slow(path: str, query: dict[str, str]) -> Any:
        await trio.sleep(1)
        return two_pages(path, query)

    async with open_chat(slow) as pair:
        history, got = pair.chat.messages.history(), []
        while True:
            with trio.move_on_after(0.4 + 0.4 * (len(pair.environment.asked) % 4)) as scope:
                try:
                    got.append((await anext(history)).id)
                except StopAsyncIteration:
                    break
            assert scope.cancelled_caught or got
            with trio.CancelScope() as cancelled:
                cancelled.cancel()
                await anext(history)
            assert cancelled.cancelled_caught
        assert got == list(range(200, 0, -1))
        assert len(pair.environment.asked) >= 4, "some requests were cancelled"


async def test_a_failure_leaves_it_where_it_is(autojump_clock: MockClock) -> None:
    """A page that fails for more than 30 s raises; the next call tries again, and nothing is lost."""
    is_down = False

    def stand(path: str, query: dict[str, str]) -> Any:
        return Response(503, {}, ERROR) if is_down else two_pages(path, query)

    async with open_chat(stand) as pair:
        history, got = pair.chat.messages.history(), []
        for _ in range(100):
            got.append((await anext(history)).id)
        is_down, began = True, trio.current_time()
        with pytest.raises(ApiError, match="attempts were made") as caught:
            await anext(history)
        assert caught.value.worth_retrying
        assert 0 < trio.current_time() - began < 40
        is_down = False
        got += [found.id async for found in history]
        assert got == list(range(200, 0, -1))


async def test_two_tasks_do_not_share_a_page(autojump_clock: MockClock) -> None:
    """The second is refused, and the first gets every element."""

    async def slow(path: str, query: dict[str, str]) -> Any:
        await trio.sleep(1)
        return two_pages(path, query)

    async with open_chat(slow) as pair, trio.open_nursery() as nursery:
        history, got = pair.chat.messages.history(), []

        async def read() -> None:
            got.extend([found.id async for found in history])

        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        with pytest.raises(RuntimeError, match="another task"):
            await anext(history)
        await trio.sleep(10)
        assert got == list(range(200, 0, -1))


async def test_another_user_does_not_read_on(autojump_clock: MockClock) -> None:
    """What was begun for one user ends with NotLoggedInError, also if the other logs in while a page is fetched."""
    waits = False

    async def stand(path: str, query: dict[str, str]) -> Any:
        if not path.endswith("messages"):
            return None
        if waits:
            await trio.sleep(1)
        return two_pages(path, query)

    async with open_chat(lambda path, query: stand(path, query) if path.endswith("messages") else None) as pair:
        history, meanwhile = pair.chat.messages.history(), pair.chat.messages.history()
        for _ in range(100):
            await anext(history)
        waits = True
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def refused() -> None:
                with pytest.raises(NotLoggedInError, match="now another one is"):
                    await anext(meanwhile)

            await wait_all_tasks_blocked()
            await pair.chat.login(uid="amy-2", auth_key="KEY")
        before = len(pair.environment.asked)
        with pytest.raises(NotLoggedInError, match="now another one is"):
            await anext(history)
        await pair.chat.logout()
        with pytest.raises(NotLoggedInError):
            await anext(history)
        with pytest.raises(NotLoggedInError, match=r"messages\.history"):
            pair.chat.messages.history()
        assert [asked for asked in pair.environment.asked[before:] if "messages" in asked[0]] == []


async def test_a_page_is_not_tried_again_as_another_user(autojump_clock: MockClock) -> None:
    """A request that failed for one user is not repeated for the next one."""

    def stand(path: str, _: dict[str, str]) -> Any:
        return Response(503, {}, ERROR) if path.startswith("/messages") else None

    async with open_chat(stand) as pair, trio.open_nursery() as nursery:

        @nursery.start_soon
        async def refused() -> None:
            with pytest.raises(NotLoggedInError, match="another user has logged in"):
                await anext(pair.chat.messages.history())

        await wait_all_tasks_blocked()
        await pair.chat.login(uid="amy-2", auth_key="KEY")
        before = len(pair.environment.asked)
        await trio.sleep(60)
        assert len(pair.environment.asked) == before


async def test_after_the_client_was_left(autojump_clock: MockClock) -> None:
    """What is in the page can be read; a further page is refused, and a new list as well."""
    async with open_chat(two_pages) as pair:
        history = pair.chat.messages.history()
        await anext(history)
    for _ in range(99):
        await anext(history)
    with pytest.raises(NotLoggedInError):
        await anext(history)
    with pytest.raises(NotLoggedInError):
        pair.chat.users.list()


async def test_leaving_the_client_ends_a_fetch(autojump_clock: MockClock) -> None:
    """It raises NotLoggedInError at once, and leaving is not held up."""

    async def never(*_: Any) -> Any:
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        async with open_chat(never) as pair:

            @nursery.start_soon
            async def refused() -> None:
                with pytest.raises(NotLoggedInError, match="leaving the client"):
                    await anext(pair.chat.messages.history())

            await wait_all_tasks_blocked()
            began = trio.current_time()
        assert trio.current_time() == began
