"""The steps of a script that others than the program and its computer perform: other users, the server, the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from cometconn.emulator.log import Kind

from .program import UID

if TYPE_CHECKING:
    from .program import World

__all__ = ["ServerSteps"]


@attrs.frozen
class ServerSteps:
    """Each public method is a step, which the script names."""

    world: World

    def say(self, sender: str, to_group: bool, number: int) -> None:
        """Send messages to the user, or to the group."""
        self.world.say(sender, to_group, number)

    def flood(self, number: int) -> None:
        """Send many messages at once."""
        self.world.say("amy-2", False, number)

    def say_from_another_device(self) -> None:
        """Send a message of the user, from another device."""
        self.world.server.say(UID, "from my phone", receiver="amy-2")

    def send_again(self) -> None:
        """Send the last messages again, as a server may."""
        for device in self.world.server.world.devices(authenticated=True):
            for entry in self.world.server.log.of(Kind.FRAME_OUT, uid=UID)[-5:]:
                frame = entry.detail.get("frame", {})
                if frame.get("type") == "message":
                    self.world.messages.was_sent_again(int(frame["body"]["id"]))
                    device.send_json(dict(frame))

    def push_noise(self, kind: str) -> None:
        """Send a frame that is no message."""
        noise: dict[str, Any] = {
            "garbage": "this is not JSON",
            "unknown": {"type": "new kind", "body": {"number": 1}},
            "pong": {"action": "pong"},
            "typing": {
                "type": "typing_indicator", "appId": "APP", "sender": "amy-2", "receiver": UID, "receiverType": "user",
                "deviceId": "elsewhere", "body": {"action": "started", "user": self.world.server.world.public("amy-2")},
            },
        }  # fmt: skip
        self.world.server.push(UID, noise[kind])

    def drop(self, how: Any, code: int) -> None:
        """End the user's connections."""
        self.world.server.drop(UID, how, code=code)

    def cut_in_a_frame(self, share: float) -> None:
        """End the user's connections in the middle of a frame."""
        frame = b"\x81\x7e\x01\x00" + b"x" * 256
        for device in self.world.server.world.devices(UID, authenticated=True):
            stream = device.line._stream  # type: ignore[attr-defined] - only a part of a frame is sent
            stream.send_nowait(frame[: int(share * len(frame))])
            stream._outgoing.finish()

    def refuse_or_hang(self, how: Any) -> None:
        """Refuse dials and requests, or let them hang."""
        self.world.server.dialling = how

    def upgrade(self, answer: Any, retry_after: int | None) -> None:
        """Refuse upgrades, or let them hang."""
        self.world.server.set(upgrade=answer, retry_after=retry_after)

    def auth(self, how: Any, close: int) -> None:
        """Refuse auth frames, or do not answer them."""
        self.world.server.set(auth=how, auth_close=close)

    def refuse_tokens(self, close: int) -> None:
        """Refuse auth frames, and be healthy otherwise, so that a renewal succeeds and its token is refused, too."""
        self.heal()
        self.auth("refuse", close)
        self.drop("reset", 1000)

    def refuse_pages(self, number: int, status: int) -> None:
        """Interrupt the connection, send messages meanwhile, and refuse the requests that fetch them."""
        self.heal()
        self.drop("reset", 1000)
        self.say("amy-2", False, number)
        self.rest(status, None)

    def no_pong(self) -> None:
        """Answer no pings."""
        self.world.server.set(pong=False)

    def rest(self, how: Any, retry_after: int | None) -> None:
        """Refuse requests, or let them hang."""
        self.world.server.set(rest=how, retry_after=retry_after)

    def rest_delay(self, seconds: float) -> None:
        """Answer requests late."""
        self.world.server.set(rest_delay=seconds)

    def rest_weather(self, share: float) -> None:
        """Let a share of the requests fail at random."""
        self.world.rest_failures = share

    def stop_reading(self) -> None:
        """Read nothing from clients."""
        self.world.server.stop_reading()

    def small_buffers(self, capacity: int) -> None:
        """Give the next sockets buffers of this size, so that frames come in parts."""
        self.world.server.capacity = capacity

    def heal(self) -> None:
        """End all faults of server and network."""
        self.world.server.heal()
        self.world.server.read_again()
        self.world.rest_failures = 0.0

    def forget_tokens(self) -> None:
        """Let the server forget all tokens."""
        self.world.server.forget_tokens()

    def expire_jwts(self) -> None:
        """Let all JWTs expire."""
        self.world.server.expire_jwts()
