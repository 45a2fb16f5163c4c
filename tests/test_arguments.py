"""Every public call and constructor is tried with arguments of wrong types.

The calls are found by introspection, and what each argument may be is derived from its annotation. A wrong argument is
refused at the call, or where the call is awaited or entered, by a `CometConnError` or `TypeError` that names it.
"""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import datetime
import enum
import gc
import importlib
import inspect
import sys
import types
import typing
import warnings
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from cometconn import (
    AppSettings,
    CometChat,
    Endpoints,
    EventStream,
    FileStore,
    MemoryStore,
    SubscriptionType,
    Timing,
    aio,
    open_client,
)
from cometconn._arguments import _MODULE_OF, _READ, _parameters, checked
from cometconn._rest.conversations import Conversations
from cometconn._rest.groups import Groups
from cometconn._rest.messages import Messages
from cometconn._rest.users import Users
from cometconn.admin import open_admin
from cometconn.appstate import BackgroundGuard
from cometconn.emulator import Device, Faults, Kind, ServerLog, World
from cometconn.environment import Request, SystemEnvironment
from cometconn.errors import CometConnError, SendUncertainError, SettingsError
from cometconn.events import Event, Group, MediaMessage, TextMessage, User
from cometconn.fleet import (
    Account,
    EngineAdministration,
    Incarnation,
    KeyRing,
    MemoryEngine,
    Owned,
    RedisEngine,
    SQLiteEngine,
    open_consumer,
)
from cometconn.instrumentation import Detail, LogHook, MachineSlept, TraceFile, console_hook
from cometconn.stores import SavedPosition, SavedSession
from cometconn.testing import LineFaults, memory_socket_pair, open_fault_proxy, open_replay, record
from tests.connection.harness import open_pair
from tests.fleet.harness import open_fleet

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncGenerator, Callable, Iterator

    from trio.testing import MockClock

PUBLIC = [
    "cometconn",
    "cometconn.admin",
    "cometconn.appstate",
    "cometconn.emulator",
    "cometconn.environment",
    "cometconn.errors",
    "cometconn.events",
    "cometconn.fleet",
    "cometconn.instrumentation",
    "cometconn.settings",
    "cometconn.status",
    "cometconn.stores",
    "cometconn.testing",
    "cometconn.testing.scripts",
    "cometconn.testing.strategies",
]

URL = "http://127.0.0.1:9"
MADE_BY_THE_LIBRARY = "The library makes them, and programs only read them."
EXEMPT: dict[Any, str] = {
    BaseException: "An error that raises another one while it is made would hide what happened.",
    enum.Enum: "The standard library's own error names the value and the class.",
    Event: "The decoder makes up to a million a second, and programs only read them.",
    Detail: MADE_BY_THE_LIBRARY,
    "cometconn.events": "Users, groups and other parts of events, which the decoder makes, too.",
    "cometconn.emulator.Certificate": MADE_BY_THE_LIBRARY,
    "cometconn.emulator.Close": MADE_BY_THE_LIBRARY,
    "cometconn.emulator.Device": "Only a transport makes and calls it, for every frame.",
    "cometconn.emulator.Entry": MADE_BY_THE_LIBRARY,
    "cometconn.emulator.Send": MADE_BY_THE_LIBRARY,
    "cometconn.emulator.ServerLog.add": "The server calls it for every step.",
    "cometconn.emulator.World.": "Only a transport calls these methods, several of them for every frame.",
    "cometconn.fleet.KeyRing.decrypt": "The engines call it.",
    "cometconn.fleet.KeyRing.encrypt": "The engines call it.",
    "cometconn.fleet.Delivery": MADE_BY_THE_LIBRARY,
    "cometconn.fleet.Incarnation": MADE_BY_THE_LIBRARY,
    "cometconn.fleet.OwnerWord": MADE_BY_THE_LIBRARY,
    "cometconn.instrumentation.Trace": MADE_BY_THE_LIBRARY,
    "cometconn.status": MADE_BY_THE_LIBRARY,
    "cometconn.testing.ProxyEntry": MADE_BY_THE_LIBRARY,
    "cometconn.testing.scripts.Step": MADE_BY_THE_LIBRARY,
    "cometconn.testing.scripts.Transcript": MADE_BY_THE_LIBRARY,
}
"""What is not tried, by base class or by name, and the reason. A module's name stands for everything in it."""

TRIED = {"cometconn.emulator.World.add_group", "cometconn.emulator.World.add_user"}
"""What is tried although a row of the table would cover it: programs call it."""

INTERNAL = (AttributeError, TypeError, LookupError, NameError, AssertionError)
"""Errors that a call must not raise."""


class Given:
    """A class that is no argument's."""


async def unawaited() -> None:
    """Stand for a call that lacks its `await`."""


async def chunks() -> AsyncGenerator[bytes, None]:
    """Stand for the chunks of a response."""
    yield b"x"


def wrong_values(hint: Any) -> list[Any]:
    """Return what is tried for each argument: a class stands for its instance."""
    kind = next((kind for kind in (hint, *typing.get_args(hint)) if isinstance(kind, type)), Given)
    return [None, 5, "x", b"x", kind, Given, Given(), unawaited()]


# What may be given, derived from the annotation by rules of this file's own.


def namespace() -> dict[str, Any]:
    """Return every name that an annotation may use."""
    names: dict[str, Any] = {}
    for name in set(_MODULE_OF.values()):  # some are imported when they are first used
        importlib.import_module(name)
    for name, module in sorted(sys.modules.items()):
        if name.startswith("cometconn"):
            names |= {key: value for key, value in vars(module).items() if not key.startswith("__")}
    for module in (importlib.import_module(name) for name in PUBLIC):
        names |= {key: getattr(module, key) for key in module.__all__}
    names |= {module.__name__: module for module in map(importlib.import_module, ("os", "ssl", "trio", "logging"))}
    return names | {name: getattr(collections.abc, name) for name in collections.abc.__all__}


def hints_of(function: Any) -> dict[str, Any]:
    """Return the annotations of a function, evaluated."""
    function = inspect.unwrap(function)
    names = namespace() | function.__globals__
    for name, alias in function.__globals__.items():
        if isinstance(alias, str) and alias.startswith("Callable["):
            names[name] = eval(alias, names)  # noqa: S307
    texts = function.__annotations__
    return {name: eval(text, names) if isinstance(text, str) else text for name, text in texts.items()}  # noqa: S307


def is_accepted(value: object, hint: Any) -> bool:  # noqa: PLR0911 - one for each kind of annotation
    """Whether the annotation allows the value."""
    if inspect.iscoroutine(value):
        return False
    if hint is Any or hint is object:
        return True
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return any(is_accepted(value, kind) for kind in inner)
    if origin is typing.Literal:
        return value in inner
    if origin is type:
        return isinstance(value, type) and issubclass(value, inner[0])
    if hint is None or hint is type(None):
        return value is None
    kind = origin or hint
    if kind is collections.abc.Callable:
        return callable(value) and not isinstance(value, type)
    if getattr(kind, "_is_protocol", False):
        wanted = {name for name in dir(kind) if not name.startswith("_")} or {"__call__"}
        return wanted <= set(dir(value)) and not isinstance(value, type)
    if isinstance(value, str | bytes) and kind not in {str, bytes}:
        return False  # a text is an iterable of texts, but never meant as one
    return isinstance(value, (int, float) if kind is float else kind)


# The calls.


@attrs.frozen
class Call:
    """One public call.

    Attributes:
        name: its full name.
        function: what is introspected.
        owner: the class of which it is a method, if it is one.
        is_constructor: whether the class itself is called.
    """

    name: str
    function: Any
    owner: type | None = None
    is_constructor: bool = False

    @property
    def arguments(self) -> list[inspect.Parameter]:
        """Its parameters, without `self` and without `**more`."""
        parameters = list(inspect.signature(self.function).parameters.values())
        is_bound = self.owner is not None or self.is_constructor
        return [each for each in parameters[is_bound:] if each.kind is not each.VAR_KEYWORD]


def is_exempt(name: str, kind: Any) -> bool:
    """Whether the table names it, or what it is a part of."""
    if name in TRIED:
        return False
    by_name = any(isinstance(each, str) and name.startswith(each.removesuffix(".") + ".") for each in EXEMPT)
    by_class = any(isinstance(each, type) and isinstance(kind, type) and issubclass(kind, each) for each in EXEMPT)
    return by_name or by_class or name in EXEMPT


def public_calls() -> Iterator[Call]:
    """Find every public call that takes arguments."""
    for name in vars(EngineAdministration):
        if not name.startswith("_"):
            yield Call(
                f"cometconn.fleet.EngineAdministration.{name}",
                getattr(EngineAdministration, name),
                EngineAdministration,
            )
    for kind in (Messages, Conversations, Users, Groups):  # which clients have as properties
        for name, function in vars(kind).items():
            if not name.startswith("_"):
                yield Call(f"cometconn.{kind.__name__}.{name}", function, kind)
    seen = set()
    for module_name in sorted(PUBLIC, key=len, reverse=True):
        module = importlib.import_module(module_name)
        for name in module.__all__:
            value, full = getattr(module, name), f"{module_name}.{name}"
            is_call = isinstance(value, type) or inspect.isroutine(value)
            if not is_call or id(value) in seen or getattr(value, "_is_protocol", False):
                continue
            seen.add(id(value))
            if is_exempt(full, value):
                continue
            if not isinstance(value, type):
                yield Call(full, value)
                continue
            if value.__init__ is not object.__init__:  # type: ignore[misc]
                yield Call(full, value.__init__, is_constructor=True)  # type: ignore[misc]
            for member in dir(value):
                function = getattr(value, member)
                is_inherited = not str(getattr(function, "__module__", "")).startswith("cometconn")
                if member.startswith("_") or not inspect.isroutine(function) or is_inherited:
                    continue
                if not is_exempt(f"{full}.{member}", None):
                    yield Call(f"{full}.{member}", getattr(function, "__func__", function), value)


CALLS = [call for call in public_calls() if call.arguments]
GROUPS = sorted({call.name.rpartition(".")[0] if call.owner else call.name for call in CALLS})


@contextlib.asynccontextmanager
async def opened_fleet(folder: pathlib.Path) -> AsyncGenerator[dict[str, Any], None]:
    """Yield an object of each class of a fleet, by its name."""
    owned: list[Owned] = []

    async def run(mine: Owned) -> None:
        owned.append(mine)
        await trio.sleep_forever()

    async with open_fleet() as fleet, fleet.open("worker", run=run) as worker:
        await fleet.wait_for(lambda: bool(owned))
        async with open_consumer("APP", engine=fleet.engine, group="readers", name="reader") as consumer:
            objects = [
                worker,
                consumer,
                *owned,
                fleet.engine,
                SQLiteEngine(folder / "engine"),
                KeyRing({"a": b"x" * 16}),
                RedisEngine("redis://127.0.0.1:9"),
            ]
            by_class = {type(each).__name__: each for each in objects}
            yield {**by_class, "EngineAdministration": fleet.connection.administration}


@contextlib.asynccontextmanager
async def opened(folder: pathlib.Path) -> AsyncGenerator[tuple[dict[str, Any], dict[str, Any]], None]:
    """Yield an object of each class, by its name, and a valid value for each argument that has no default."""
    transcript = folder / "empty"
    transcript.write_text('{"at": 0, "what": "begin", "number": 0, "version": 1}\n')
    async with (
        open_pair(connect=True) as pair,
        pair.chat.events() as stream,
        open_admin("APP", api_key="REST-KEY", endpoints=pair.server.endpoints, environment=pair.server) as admin,
        open_fault_proxy(URL) as proxy,
        open_replay(transcript) as replay,
    ):
        with record(folder / "transcript", pair.server) as recorder:
            objects = [
                admin, BackgroundGuard(pair.chat), pair.chat, stream, Device(pair.device.line), Faults(), proxy,
                FileStore(folder / "store"), LogHook(), console_hook(URL), TraceFile(folder / "trace"), pair.server, MemoryStore(), recorder, replay,
                memory_socket_pair()[0], ServerLog(), pair.server.script(), SystemEnvironment(), pair.server.world,
            ]  # fmt: skip
            by_class = {type(each).__name__: each for each in objects}
            by_class |= {
                type(each).__name__: each
                for each in (pair.chat.messages, pair.chat.conversations, pair.chat.users, pair.chat.groups)
            }
            by_class |= dict.fromkeys(("Emulator", "Levers", "ServerControls"), pair.server)
            message = TextMessage(id=1, category="message", sender=User("amy-2"), receiver=User("zed-1"), text="hello")
            draft = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "text", "data": {}}
            valid = {
                "body": {**draft, "sender": "zed-1", "id": 1, "conversationId": "c"},
                "accounts": [Account("amy-2")], "chunks": chunks(), "replacements": (), "events": (), "group": "readers",
                "incarnation": Incarnation("worker"), "admin_url": URL, "chat": pair.chat, "client_url": URL, "data": {}, "device": Device(pair.device.line),
                "draft": draft, "engine": MemoryEngine(), "event": message, "predicate": test_each_wrong_argument_is_named, "frame": {}, "how": "close", "kind": "user", "line": pair.device.line,
                "mark": "read", "scope": "admin", "members": (), "message": message, "path": str(folder / "file"), "method": "GET", "script": (),
                "request": Request("GET", f"{URL}/v3.0/me", {}), "saved": SavedSession.new("APP"), "server": pair.server, "settings": AppSettings(),
                "socket_url": "ws://127.0.0.1:9", "target": URL, "timing": Timing(), "uids": {"amy-2"}, "url": URL,
                "headers": {}, "bytes": b"", "entry": Kind.REST, "position": SavedPosition("APP", "zed-1"), "detail": MachineSlept(
                    connection_id="APP-1", generation=1, at=0.0, at_utc=datetime.datetime.now(datetime.UTC), slept=1.0),
            }  # fmt: skip
            yield by_class, valid
            by_class["TraceFile"].close()


def a_valid(name: str, hint: Any, valid: dict[str, Any]) -> list[Any]:
    """Return a valid value for an argument; none if there is no such value, as for what programs cannot make."""
    simple = {str: "amy-2", int: 1000, float: 1.0, bytes: b"x", bool: True}
    candidates = [*([valid[name]] if name in valid else []), *simple.values(), *valid.values()]
    return [value for value in candidates if is_accepted(value, hint)][:1]


async def made(call: Callable[..., Any], args: list[Any], named: dict[str, Any]) -> None:
    """Make a call: await what it returns up to its first checkpoint, or enter it, or take its first item."""
    with trio.CancelScope(deadline=-1):
        result = call(*args, **named)
        if isinstance(result, contextlib.AbstractAsyncContextManager):
            async with result:
                pass
        elif inspect.isawaitable(result):
            await result
        elif isinstance(result, contextlib.AbstractContextManager) and not hasattr(result, "aclose"):
            with result:
                pass
        elif inspect.isgenerator(result):
            next(result)


@pytest.mark.parametrize("group", GROUPS, ids=lambda name: name.removeprefix("cometconn."))
async def test_each_wrong_argument_is_named(
    group: str, tmp_path: pathlib.Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the annotation does not allow is refused in a sentence with the argument's name, and nothing is left un-awaited."""
    monkeypatch.chdir(tmp_path)  # a text fits as a path, and is the name of a file then
    faults: list[str] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with opened(tmp_path) as (by_class, valid), contextlib.AsyncExitStack() as stack:
            if group.startswith("cometconn.fleet"):
                by_class |= await stack.enter_async_context(opened_fleet(tmp_path))
            for call in CALLS:
                if group == (call.name.rpartition(".")[0] if call.owner else call.name):
                    faults += [fault async for fault in faults_of(call, by_class, valid)]
            gc.collect()
    faults += [str(warning.message) for warning in warned if "never" in str(warning.message)]
    assert not faults, "\n" + "\n".join(faults)


async def faults_of(call: Call, by_class: dict[str, Any], valid: dict[str, Any]) -> AsyncGenerator[str, None]:
    """Try each argument of one call, and yield what goes wrong."""
    hints = hints_of(call.function)
    function = call.function
    if call.is_constructor:
        module, _, name = call.name.rpartition(".")
        function = getattr(importlib.import_module(module), name)
    elif call.owner is not None:
        function = getattr(by_class.get(call.owner.__name__, call.owner), call.function.__name__)
    required = {
        each.name: value
        for each in call.arguments
        if each.default is each.empty and each.kind is not each.VAR_POSITIONAL
        for value in a_valid(each.name, hints[each.name], valid)
    }
    for argument in call.arguments:
        hint = hints[argument.name]
        for value in wrong_values(hint):
            shown, accepted = repr(value)[:60], is_accepted(value, hint)
            several = argument.kind is argument.VAR_POSITIONAL
            args, named = ([*required.values(), value], {}) if several else ([], {**required, argument.name: value})
            try:
                await made(function, args, named)
            except (CometConnError, TypeError) as error:
                is_named = argument.name in str(error) or "objects are made by" in str(error)
                if accepted and isinstance(error, TypeError):
                    yield f"{call.name}({argument.name}={shown}) fits {hint}, but: {error!r}"
                elif not accepted and not is_named:
                    yield f"{call.name}({argument.name}={shown}) is not named in {error!r}"
            except Exception as error:
                if not accepted or isinstance(error, INTERNAL):
                    yield f"{call.name}({argument.name}={shown}): {error!r}"
            else:
                if not accepted:
                    yield f"{call.name}({argument.name}={shown}) is silent; wanted: {hint}"
            if inspect.iscoroutine(value):
                value.close()


def test_the_same_calls_under_asyncio() -> None:
    """The twins of `cometconn.aio` refuse the same values in the same words, before anything else."""
    settings = AppSettings(auto_establish_socket_connection=False)
    calls = {call.function.__name__: call for call in CALLS if call.owner is CometChat}

    async def refused(chat: Any, call: Call, name: str, value: object) -> str:
        message = TextMessage(id=1, category="message", sender=User("amy-2"), receiver=User("zed-1"))
        error = SendUncertainError("x", muid="m")
        valid = {"data": {}, "message": message, "event": message, "error": error, "method": "GET"}
        needed = [each.name for each in call.arguments if each.default is each.empty and each.name != "types"]
        required = {each: valid.get(each, "x") for each in needed}
        args, named = ([value], {}) if name == "types" else ([], {**required, name: value})
        with pytest.raises(SettingsError) as caught:
            result = getattr(chat, call.function.__name__)(*args, **named)
            await result
        return caught.value.message

    async def main() -> None:
        with pytest.raises(SettingsError, match="hooks"):
            aio.open_client("APP", hooks=5)  # type: ignore[arg-type]
        async with aio.open_client("APP", settings, endpoints=Endpoints.at(URL), store=MemoryStore()) as chat:
            for call in calls.values():
                assert (
                    getattr(aio.CometChat, call.function.__name__).__annotations__.keys()
                    == call.function.__annotations__.keys()
                )
                for argument in call.arguments:
                    hint = hints_of(call.function)[argument.name]
                    for value in wrong_values(hint):
                        if not is_accepted(value, hint):
                            assert argument.name in await refused(chat, call, argument.name, value)

    asyncio.run(main())


WORDS: dict[str, Callable[[], Any]] = {
    "open_client(store=...) must be a Store such as MemoryStore() or FileStore(path), a text, a path or None, not the class"
    " MemoryStore itself: add parentheses, MemoryStore(...).": lambda: open_client("APP", store=MemoryStore),  # type: ignore[arg-type]
    "open_client(hooks=...) must be an iterable of functions that take one Detail, such as LogHook(), not the class LogHook"
    " itself: add brackets and parentheses, [LogHook(...)].": lambda: open_client("APP", hooks=LogHook),  # type: ignore[arg-type]
    "open_client(hooks=...) must be an iterable of functions that take one Detail, such as LogHook(), not of type LogHook: put"
    " it in brackets, [LogHook(...)].": lambda: open_client("APP", hooks=LogHook()),  # type: ignore[arg-type]
    "open_client(hooks=...) must be an iterable of functions that take one Detail, such as LogHook(), not a list with the class"
    " LogHook itself: add parentheses, LogHook(...).": lambda: open_client("APP", hooks=[LogHook]),  # type: ignore[list-item]
    "open_client(ssl_context=...) must be an SSLContext or None, not False.": (
        lambda: open_client("APP", ssl_context=False)  # type: ignore[arg-type]
    ),
    "open_client(settings=...) must be AppSettings(region=\"us\"), not 'us'.": lambda: open_client("APP", "us"),  # type: ignore[arg-type]
    "CometChat objects are made by `async with open_client(...) as chat`, not by calling the class.": (
        lambda: CometChat("APP")  # type: ignore[arg-type]
    ),
    "Timing.pong_timeout must be a number, not '3'.": lambda: Timing(pong_timeout="3"),  # type: ignore[arg-type]
    "Timing.pong_timeout must be a number, not True.": lambda: Timing(pong_timeout=True),
    "Endpoints.at(url=...) must be a text, not 3.": lambda: Endpoints.at(3),  # type: ignore[arg-type]
    "AppSettings.subscription_type must be a SubscriptionType, not the class SubscriptionType: give a member, such as"
    " SubscriptionType.ALL_USERS.": lambda: AppSettings(subscription_type=SubscriptionType),  # type: ignore[arg-type]
    "World(users=...) must be an iterable of texts, not 'zed-1': put it in brackets, ['zed-1'].": lambda: World(
        users="zed-1"
    ),
    "World(users=...) must be an iterable of texts, not a tuple with 1.": lambda: World(users=(1, 2)),  # type: ignore[arg-type]
    "World(auth_key=...) must be a text, not of type int.": lambda: World(auth_key=12345),  # type: ignore[arg-type]
    'LineFaults.end must be "close", "reset" or "half-open", not \'boom\'.': lambda: LineFaults(end="boom"),  # type: ignore[arg-type]
    'Faults.upgrade must be "accept", "hang" or a whole number, not None.': lambda: Faults(upgrade=None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("words", WORDS)
def test_the_words(words: str) -> None:
    """What was called, what it needs, and what it was given; a secret is never shown."""
    with pytest.raises(SettingsError) as caught:
        WORDS[words]()
    assert str(caught.value) == words


NAMES: dict[str, Callable[[], Any]] = {
    "open_client() needs the name of the argument of type MemoryStore: write store=MemoryStore(...).": (
        lambda: open_client("APP", AppSettings(), MemoryStore())  # type: ignore[misc]
    ),
    "open_client() needs the name of the argument of type str: write store=... or proxy=....": (
        lambda: open_client("APP", AppSettings(), "http://amy:secret@proxy")  # type: ignore[misc]
    ),
    "Endpoints() needs the name of the argument of type str: write admin_url=..., client_url=... or socket_url=....": (
        lambda: Endpoints(URL)  # type: ignore[misc]
    ),
    "Timing() needs the name of the argument of type int, such as background_grace=3.": lambda: Timing(3),  # type: ignore[misc]
    "Timing() needs the name of the argument of type object.": lambda: Timing(object()),  # type: ignore[misc]
}


@pytest.mark.parametrize("words", NAMES)
def test_an_argument_without_its_name(words: str) -> None:
    """The error shows the names that may be meant, and no text, which may be a secret."""
    with pytest.raises(TypeError) as caught:
        NAMES[words]()
    assert str(caught.value) == words


TYPES: dict[str, tuple[Any, ...]] = {
    "the class Group": (Group,),
    "[TextMessage]: leave the brackets out, events(TextMessage)": ([TextMessage],),
    "(TextMessage, MediaMessage): leave the brackets out, events(TextMessage, MediaMessage)": (
        (TextMessage, MediaMessage),
    ),
    "[]": ([],),
    "[TextMessage, 'x']": ([TextMessage, "x"],),
    "10: write max_events=10 or max_bytes=10": (10, TextMessage),
    "'drop_oldest': write overflow='drop_oldest'": (TextMessage, "drop_oldest"),
    "False: write markers=False": (TextMessage, False),
    "'TextMessage'": ("TextMessage",),
    "of type TextMessage: give the class itself, TextMessage": (
        TextMessage(id=1, category="message", sender=User("amy-2"), receiver=User("zed-1"), text="hello"),
    ),
}


@pytest.mark.parametrize("words", TYPES)
async def test_what_events_is_given(words: str, autojump_clock: MockClock) -> None:
    """What is no event class, and what to write instead where that is plain."""
    async with open_pair() as pair:
        with pytest.raises(SettingsError) as caught:
            pair.chat.events(*TYPES[words])
    assert str(caught.value) == f"events(types=...) must be an event class, such as TextMessage, not {words}."


async def test_a_call_that_lacks_its_await(autojump_clock: MockClock) -> None:
    """The sentence shows the call that must be awaited, and Python does not warn as well."""
    async with open_pair(connect=True) as pair:
        with pytest.raises(SettingsError) as caught:
            await pair.chat.send_text(pair.chat.ping(), "hello")  # type: ignore[arg-type]
        assert str(caught.value).endswith("not the coroutine of ping(): write `await` before the call.")


def test_a_class_that_is_imported_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the module of a class is not imported, nothing is refused on its account; afterwards it counts."""
    module = sys.modules["cometconn.emulator.server_controls"]

    @checked
    def call(value: ServerControls | None = None) -> str:  # type: ignore[name-defined]  # noqa: F821
        return "done"

    monkeypatch.delitem(sys.modules, module.__name__)
    assert call(5) == call() == "done"
    assert _parameters(call) is _parameters(call)  # not read anew for each call meanwhile
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert call() == "done"
    with pytest.raises(
        SettingsError, match=r"call\(value=\.\.\.\) must be a server \(an Emulator or a MemoryServer\) or None, not 5"
    ):
        call(5)


def test_each_name_in_an_annotation_is_found() -> None:
    """A class that a module with checked functions imports for type checkers only stands in the table `_MODULE_OF`."""
    twins = [getattr(aio.CometChat, call.function.__name__) for call in CALLS if call.owner is CometChat]
    constructors = [aio.CometChat.__init__, aio.EventStream.__init__, CometChat.__init__, EventStream.__init__]
    for function in [*(call.function for call in CALLS), *twins, *constructors, aio.open_client]:
        _parameters(function)
        assert function in _READ, function
