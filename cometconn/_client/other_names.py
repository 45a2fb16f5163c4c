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
_TYPING = "`async with chat.typing(receiver):` sends it"
_HISTORY = "`async for message in chat.messages.history(user=uid)` yields messages that were sent"
_USERS = "`chat.users.list()` lists the users, and `await chat.users.get(uid)` returns one"
_GROUPS = "`chat.groups` lists, joins and changes groups: `chat.groups.list()`, `await chat.groups.join(guid)`, ..."
_CONVERSATIONS = "`chat.conversations.list()` lists the conversations, and `await chat.conversations.unread_counts()` has what is unread"
_BLOCK = (
    "`await chat.users.block(uid)` and `chat.users.unblock(uid)` do it, and `chat.users.blocked()` lists who is blocked"
)
_READ = "`await chat.mark_as_read(message)` and `mark_as_delivered(message)` send receipts"
_HINTS: dict[str, str] = {
    name: hint
    for hint, names in {
        _EVENTS: "on on_event on_message on_text_message_received add_message_listener remove_message_listener add_listener"
        " add_event_listener add_user_listener add_group_listener add_call_listener event listen listener stream"
        " receive recv receive_message get_message next_message wait_for_message subscribe",
        _STATUS: "on_status on_status_change on_connect on_connected on_disconnect on_disconnected on_error state connected"
        " is_connected connection_status get_connection_status add_connection_listener remove_connection_listener",
        _SEND: "send send_message send_text_message send_custom_message send_media_message send_file post publish write emit",
        "`await chat.reply(message, text)` replies where the message was sent": "respond answer reply_text quote_reply",
        "`await chat.edit(message, text)` changes it": "edit_message update_message edit_text",
        "`await chat.delete(message)` deletes it": "delete_message remove_message unsend",
        "`await chat.react(message, emoji)` adds a reaction, and `unreact()` removes it": "add_reaction remove_reaction",
        _USER: "user me uid current_user logged_in_user is_logged_in",
        "`await chat.login(...)` logs a user in": "authenticate sign_in login_with_auth_token",
        _LEAVE: "close aclose stop shutdown quit exit",
        _RUNS: "init open start run run_forever",
        _TYPING: "send_typing trigger_typing start_typing_indicator",
        _HISTORY: "history get_history get_messages fetch_messages fetch_previous fetch_next messages_request"
        " get_message_details",
        _USERS: "get_user get_users users_request list_users fetch_users",
        _GROUPS: "get_group get_groups groups_request join_group leave_group create_group update_group delete_group join"
        " add_members_to_group kick_group_member ban_group_member unban_group_member update_group_member_scope get_members",
        _CONVERSATIONS: "get_conversation get_conversations conversations_request get_unread_message_count unread unread_counts",
        _BLOCK: "block block_user block_users unblock unblock_user unblock_users blocked_users",
        _READ: "ack acknowledge read mark_read",
    }.items()
    for name in names.split()
}


def hint(name: str) -> str:
    """Return what to write instead of *name*, to be added to an error; an empty text if that is not known."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()  # the SDKs' sendMessage
    return f": {_HINTS[words]}" if words in _HINTS else ""
