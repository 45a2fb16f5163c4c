"""What one client consists of, made in one place."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Literal

import attrs

from cometconn._account.api import Api
from cometconn._account.session import new_session_id
from cometconn._connection.admission import Admission
from cometconn._connection.identity import Identity
from cometconn._connection.machine import Machine
from cometconn._connection.outage_log import OutageLog
from cometconn._connection.position import PositionKeeper
from cometconn._connection.supervisor import Supervisor
from cometconn._lifecycle.states import Input, Mode, State
from cometconn._rest.running_calls import RunningCalls
from cometconn._streams.streams import Streams
from cometconn._text.secret_names import is_secret_name

from .login import Login
from .message_sender import MessageSender
from .renewal import FallbackKey, SessionRenewal, token_judged
from .requester import Requester
from .version import client_info

if TYPE_CHECKING:
    import trio

    from cometconn._account.bounded_store import BoundedStore
    from cometconn._connection.catch_up import CatchUp
    from cometconn._connection.link_nursery import LinkNursery
    from cometconn._environment import Environment
    from cometconn._rest.context import Context
    from cometconn._rest.download import Downloads
    from cometconn._rest.media import MediaSender
    from cometconn._telemetry.hook_dispatcher import HookDispatcher
    from cometconn._telemetry.step_observer import StepObserver

    from .client_options import ClientOptions
    from .typing_blocks import TypingBlocks

__all__ = ["ClientCore"]

_COUNT = itertools.count(1)  # the clients of this process, to distinguish them in logs and traces


@attrs.define(eq=False, on_setattr=attrs.setters.frozen)
class ClientCore:
    """The parts of one client. `CometChat` is their public face.

    Attributes:
        identity: the ids that the client sends (app, device, session), and its user's session.
        streams: the event streams.
        machine: the state of the connection.
        positions: saves up to which message everything is handled.
        catch_up: fetches what was missed; `None` without `AppSettings.catch_up`.
        login: logs in and out.
        requester: makes REST requests for the user.
        messages: sends messages.
        supervisor: opens the connections.
    """

    identity: Identity
    streams: Streams
    machine: Machine
    positions: PositionKeeper
    catch_up: CatchUp | None
    login: Login
    requester: Requester
    messages: MessageSender
    supervisor: Supervisor
    _typing: TypingBlocks | None = attrs.field(default=None, init=False, on_setattr=attrs.setters.NO_OP)

    @classmethod
    def build(
        cls,
        options: ClientOptions,
        environment: Environment,
        store: BoundedStore,
        device_id: str,
        dispatcher: HookDispatcher | None,
        nursery: trio.Nursery,
    ) -> ClientCore:
        """Make every part of a client, each after those that it needs. No task is started.

        Args:
            options: what the application chose.
            environment: network, clock and randomness.
            store: where the session and the position are saved.
            device_id: this device, as the store has it.
            dispatcher: calls the hooks; `None` when there are none.
            nursery: the client's, for a task that saves the position.
        """
        settings = options.settings
        timing, limits = settings.timing, settings.limits
        identity = _identity(options, device_id)
        streams = Streams()
        observer = None if dispatcher is None else _observer(identity, streams, dispatcher)
        key = FallbackKey()
        machine = Machine(
            Mode.AUTO if settings.auto_establish_socket_connection else Mode.MANUAL,
            timing,
            environment.random,
            streams.room,
            environment.boot_time,
            streams.machine_slept,
            identity.secrets,
            observer,
            partial(token_judged, key, streams),
            OutageLog(identity),
        )
        api = Api(
            app_id=options.app_id,
            hosts=options.hosts,
            request=environment.request,
            session_id=identity.session_id,
            device_id=device_id,
            version=identity.client.version,
            timeout=timing.request_timeout,
            at_once=limits.requests_at_once,
            open_response=getattr(environment, "open_response", None),
            secrets=identity.secrets,
        )
        positions = PositionKeeper(identity, streams, store, api, settings.catch_up, options.position, nursery)
        renewal = SessionRenewal(api, store, identity, machine, streams, key)
        catch_up: CatchUp | None = None
        if settings.catch_up:
            from cometconn._connection.catch_up import CatchUp  # noqa: PLC0415 - it imports the decoders: see `_link_nursery()`

            catch_up = CatchUp(
                identity,
                streams,
                api.messages,
                renewal.forget,
                timing,
                environment.random,
                positions.start,
                observer,
            )
        admission = Admission(options.admission, identity.secrets)
        login = Login(api, store, identity, machine, renewal, positions, catch_up, admission)

        requester = Requester(api, identity, login, renewal, admission, RunningCalls(timing, environment.random))
        links = partial(_link_nursery, machine, identity, streams, environment, admission, catch_up, positions)
        return cls(
            identity,
            streams,
            machine,
            positions,
            catch_up,
            login,
            requester,
            MessageSender(requester, streams, limits, environment.boot_time),
            Supervisor(machine, links, renewal.renew, renewal.forget, admission),
        )

    def rest_context(self) -> Context:
        """Return what the objects of `cometconn._rest` need of this client."""
        from cometconn._rest.context import Context  # noqa: PLC0415 - few programs need it, and it imports the decoders

        login, streams = self.login, self.streams
        return Context(
            self.requester,
            lambda call: login.logged_in(call).uid,
            self.identity.settings.limits,
            streams.note_unread,
            streams.note_left_out,
        )

    @property
    def typing(self) -> TypingBlocks:
        """The blocks of `CometChat.typing()`, made when they are first used."""
        if self._typing is None:
            from .typing_blocks import TypingBlocks  # noqa: PLC0415 - most clients never use it

            self._typing = TypingBlocks(self.machine, self.identity, self.positions.nursery)
        return self._typing

    @property
    def media(self) -> MediaSender:
        """What sends messages with files."""
        from cometconn._rest.media import MediaSender  # noqa: PLC0415 - most clients never use it

        return MediaSender(self.requester, self.messages)

    @property
    def downloads(self) -> Downloads:
        """What receives files."""
        from cometconn._rest.download import Downloads  # noqa: PLC0415 - most clients never use it

        return Downloads(self.requester)

    @property
    def left(self) -> bool:
        """Whether `open_client()` is being left, or was left."""
        return self.machine.state is State.CLIENT_CLOSED

    def leave(self) -> None:
        """End everything that can be ended at once. Synchronous, idempotent."""
        if self.left:
            return
        self.login.leave()
        self.requester.leave()
        if self._typing is not None:
            self._typing.close()
        self.machine.apply(Input.CLIENT_LEFT)
        if self.catch_up is not None:
            self.catch_up.flush()
        self.positions.leave()
        self.streams.close()


def _identity(options: ClientOptions, device_id: str) -> Identity:
    client, secrets = client_info(), options.hosts.secrets
    secrets.learn(*(value for name, value in options.headers.items() if is_secret_name(name)))
    session_id = new_session_id(client.platform.upper(), client.version)
    return Identity(
        options.app_id, session_id, device_id, client, options.settings, options.endpoints, options.headers, secrets
    )


def _link_nursery(
    machine: Machine,
    identity: Identity,
    streams: Streams,
    environment: Environment,
    admission: Admission,
    catch_up: CatchUp | None,
    positions: PositionKeeper,
) -> LinkNursery:
    """Return what runs links.

    What only a connection needs is imported for the first one: trio-websocket and the decoders are a sixth of the time
    that a new process takes to its first client. `preload()` imports them ahead.
    """
    from cometconn._connection.link_nursery import LinkNursery  # noqa: PLC0415
    from cometconn._transport.websocket import TrioWebSocket  # noqa: PLC0415

    return LinkNursery(machine, identity, streams, environment, admission, TrioWebSocket, catch_up, positions)


def _observer(identity: Identity, streams: Streams, dispatcher: HookDispatcher) -> StepObserver:
    from cometconn._telemetry.step_observer import StepObserver  # noqa: PLC0415 - a client without hooks needs none of it

    settings = identity.settings
    observer = StepObserver(f"{identity.app_id}-{next(_COUNT)}", identity.secrets, streams.counts, dispatcher.put)
    mode: Literal["auto", "manual"] = "auto" if settings.auto_establish_socket_connection else "manual"
    observer.opened(identity.app_id, mode, settings, identity.client.version)
    return observer
