"""What programs may mean by names that `CometChat` does not have, but other libraries and SDKs do."""

from __future__ import annotations

import re

__all__ = ["hint"]

_EVENTS = "events come by `async with chat.events() as events: async for event in events:`"
_STATUS = "`chat.status` is the status, and `async with chat.statuses() as statuses:` gives its changes"
_SEND = "`await chat.send_text(to, text)` sends a text, and `send_custom()` anything else"
_USER = "`chat.get_logged_in_user()` returns the user"
_LEAVE = "the client is closed by leaving `async with open_client(...)`, and `await chat.disconnect()` closes its socket alone"
_RUNS = "it runs as soon as `async with open_client(...)` is entered, and `await chat.login(...)` and `connect()` are all it needs"
_TYPING = "`await chat.start_typing(receiver)` and `end_typing(receiver)` send it"
_READ = "`await chat.mark_as_read(message)` and `mark_as_delivered(message)` send receipts"
_HINTS: dict[str, str] = {
    name: hint
    for hint, names in {
        _EVENTS: "on on_event on_message on_text_message_received add_message_listener remove_message_listener add_listener"
        " add_event_listener add_user_listener add_group_listener add_call_listener event listen listener messages stream"
        " receive recv receive_message get_message next_message wait_for_message subscribe",
        _STATUS: "on_status on_status_change on_connect on_connected on_disconnect on_disconnected on_error state connected"
        " is_connected connection_status get_connection_status add_connection_listener remove_connection_listener",
        _SEND: "send send_message send_text_message send_custom_message send_media_message send_file post publish write emit",
        "`await chat.send_text(message, text)` replies where the message was sent": "reply respond answer",
        _USER: "user me uid current_user get_user logged_in_user is_logged_in",
        "`await chat.login(...)` logs a user in": "authenticate sign_in login_with_auth_token",
        _LEAVE: "close aclose stop shutdown quit exit",
        _RUNS: "init open start run run_forever",
        _TYPING: "typing send_typing trigger_typing start_typing_indicator",
        _READ: "ack acknowledge read mark_read",
    }.items()
    for name in names.split()
}


def hint(name: str) -> str:
    """Return what to write instead of *name*, to be added to an error; an empty text if that is not known."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()  # the SDKs' sendMessage
    return f": {_HINTS[words]}" if words in _HINTS else ""
