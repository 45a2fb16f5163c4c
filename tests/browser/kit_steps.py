"""What a person does with CometChat's React UI kit in a browser, and what the page and the bot then have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import TimeoutError as LateError
from playwright.sync_api import expect

from .bot import PICTURE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from cometconn.emulator import Emulator

STEPS: list[tuple[str, Callable[[Kit], None]]] = []

_ATTEMPT = (
    2_000.0  # milliseconds for each click of an attempt to press a button of a bubble, or to choose from its menu
)
_ATTEMPTS = 10

# A list of messages scrolls to its end 50 ms after it is filled. Wait until the element has not moved for 0.1 s.
_REST = """async (element) => {
  const began = performance.now();
  for (let top = null, since = began, now = began; now - since < 100 && now - began < 2_000; now = performance.now()) {
    element.scrollIntoView({ block: "nearest" });
    await new Promise(requestAnimationFrame);
    const { top: moved } = element.getBoundingClientRect();
    if (moved !== top) [top, since] = [moved, performance.now()];
  }
}"""

# An older page is fetched when the top of the list comes into view, but not while another is being fetched.
_TOP = """async (list) => {
  list.scrollTo(0, 300);
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  list.scrollTo(0, 0);
}"""

AMY = "{user: await CometChat.getUser('amy-2')}"
HIKERS = "{group: await CometChat.getGroup('hikers')}"


def step(work: Callable[[Kit], None]) -> Callable[[Kit], None]:
    """Add a step to the list; its docstring is its name."""
    STEPS.append(((work.__doc__ or "").rstrip("."), work))
    return work


class Kit:
    """The page, as the steps use it."""

    def __init__(self, page: Page, server: Emulator, call: Callable[..., Any]) -> None:
        self.page = page
        self.server = server
        self._call = call

    def show(self, component: str, props: str = "{}") -> None:
        """Show a component instead of the last one. *props*: JavaScript."""
        self.page.evaluate("([name, props]) => show(name, props)", [component, props])

    def bot(self, action: str, *given: Any) -> Any:
        """Let the bot act; return what it returns."""
        return self._call(action, *given)

    def event(self, kind: str, **fields: Any) -> Any:
        """Return the bot's next event of this class, and with these attributes."""
        return self.bot("event", kind, fields)

    def say(self, text: str, *, sender: str = "amy-2", receiver: str | None = "zed-1", group: str | None = None) -> str:
        """Send a message from another user; return its id."""
        return self.bot("say", sender, text, None if group else receiver, group)

    def sees(self, text: str | re.Pattern[str], within: Locator | None = None) -> Locator:
        """Wait until the page shows this text."""
        found = (within or self.page.locator("body")).get_by_text(text).filter(visible=True).first
        expect(found).to_be_visible()
        return found

    def lacks(self, text: str) -> None:
        """Wait until the page does not show this text."""
        expect(self.page.get_by_text(text).filter(visible=True)).to_have_count(0)

    def row(self, name: str) -> Locator:
        """Return the row of a list with this title."""
        titles = self.page.locator("[class*=item-title]").filter(has_text=name)
        return self.page.get_by_role("option").filter(has=titles).first

    def button(self, name: str | re.Pattern[str], within: Locator | None = None) -> Locator:
        """Return the button with this label."""
        return (within or self.page).get_by_role("button", name=name).filter(visible=True).first

    def dialog(self) -> Locator:
        """Return the dialog that asks whether an action is meant."""
        return self.page.get_by_role("dialog").or_(self.page.get_by_role("alertdialog")).filter(visible=True).first

    def message(self, text: str) -> Locator:
        """Return the row of the message with this text, once the server has taken the message.

        The kit shows a message of its own user before that, with "undefined" as its id.
        """
        rows = self.page.get_by_test_id("chat").locator('[data-message-id]:not([data-message-id="undefined"])')
        return rows.filter(has_text=text).last

    def number(self, text: str) -> int:
        """Return the id of the message with this text."""
        return int(self.message(text).get_attribute("data-message-id") or 0)

    def bubble(self, text: str) -> Locator:
        """Return the bubble of the message with this text, with its buttons, which a mouse over it brings up."""
        return self.message(text).locator(".cometchat-message-bubble__body-container").first

    def press(self, target: Locator, button: str, *path: str | re.Pattern[str]) -> None:
        """Press a button that a mouse over a bubble, or over a row, brings up; then choose from the menu that it opens.

        The kit closes an open menu when anything scrolls, and its lists scroll by themselves, too: to their end when a
        bubble changes its size. Then the menu is opened again.
        """
        is_bubble = "bubble" in (target.get_attribute("class") or "")
        area = target.locator(".cometchat-message-bubble__body-wrapper").first if is_bubble else target
        for left in reversed(range(_ATTEMPTS)):
            area.evaluate(_REST)
            try:
                area.hover(timeout=_ATTEMPT)
                self.button(button, target).click(timeout=_ATTEMPT)
                for name in path:
                    item = self.page.get_by_role("menuitem", name=name, exact=True).filter(visible=True).first
                    item.click(timeout=_ATTEMPT)
            except LateError:
                if not left:
                    raise
                self.page.keyboard.press("Escape")
                self.page.mouse.move(0, 0)
            else:
                return

    def choose(self, target: Locator, *path: str | re.Pattern[str]) -> None:
        """Choose from the menu of a bubble, or of a row."""
        self.press(target, "More options", *path)

    def write(self, text: str, within: str = "chat", *, send: bool = True) -> None:
        """Type into the composer, and send."""
        pane = self.page.get_by_test_id(within)
        box = pane.get_by_role("textbox").last
        box.click()
        box.press_sequentially(text)
        if send:
            box.press("Enter")


# Lists of conversations, users, groups and members


@step
def _conversations(kit: Kit) -> None:
    """Conversations: last message, sender, unread count, newest first."""
    kit.show(
        "CometChatConversations", "{showSearchBar: true, onItemClick: (each) => clicked(each.getConversationId())}"
    )
    kit.sees("hi bob", kit.row("Hikers"))
    expect(kit.row("Hikers").get_by_label("2 unread messages")).to_be_visible()
    expect(kit.page.get_by_role("option").nth(0)).to_contain_text("Hikers")


@step
def _mention_in_conversations(kit: Kit) -> None:
    """Conversations: a mention in the last message is the user's name."""
    kit.sees("@Zed 1", kit.row("Amy 2"))


@step
def _new_message_in_conversations(kit: Kit) -> None:
    """Conversations: a new message moves its conversation to the top and counts."""
    kit.say("news from amy")
    kit.sees("news from amy", kit.row("Amy 2"))
    expect(kit.page.get_by_role("option").nth(0)).to_contain_text("Amy 2")
    expect(kit.row("Amy 2").get_by_label("3 unread messages")).to_be_visible()


@step
def _edit_in_conversations(kit: Kit) -> None:
    """Conversations: an edit of the last message is shown, and after a reload, too."""
    number = kit.say("news with an eror")
    kit.sees("news with an eror", kit.row("Amy 2"))
    kit.bot("edit", int(number), "corrected news")
    kit.sees("corrected news", kit.row("Amy 2"))
    kit.show("CometChatConversations", "{onItemClick: (each) => clicked(each.getConversationId())}")
    kit.sees("corrected news", kit.row("Amy 2"))


@step
def _typing_in_conversations(kit: Kit) -> None:
    """Conversations: typing is shown."""
    kit.bot("start_typing", "zed-1", None)
    kit.sees(re.compile("typing", re.IGNORECASE), kit.row("Amy 2"))
    kit.bot("end_typing", "zed-1", None)


@step
def _presence_in_conversations(kit: Kit) -> None:
    """Conversations: a user goes offline and comes online."""
    expect(kit.row("Amy 2").get_by_label("Online")).to_be_visible()
    kit.bot("disconnect")
    expect(kit.row("Amy 2").get_by_label("Online")).to_have_count(0)
    kit.bot("connect")
    expect(kit.row("Amy 2").get_by_label("Online")).to_be_visible()


@step
def _open_conversation(kit: Kit) -> None:
    """Conversations: a click opens one."""
    kit.row("Amy 2").click()
    assert kit.page.evaluate("clicks.pop()") == "amy-2_user_zed-1"


@step
def _pin_conversation(kit: Kit) -> None:
    """Conversations: one is pinned, is the first, and is unpinned."""
    kit.choose(kit.row("Hikers"), "Pin conversation")
    expect(kit.page.get_by_role("option").nth(0)).to_contain_text("Hikers")
    kit.choose(kit.row("Hikers"), "Unpin conversation")
    kit.button("Unpin").click()
    expect(kit.page.get_by_role("option").nth(0)).to_contain_text("Amy 2")


@step
def _delete_conversation(kit: Kit) -> None:
    """Conversations: one is deleted."""
    kit.say("from dan", sender="dan-5")
    kit.choose(kit.row("Dan 5"), "Delete")
    kit.button("Delete", kit.dialog()).click()
    expect(kit.page.get_by_role("option").filter(has_text="Dan 5")).to_have_count(0)


@step
def _users(kit: Kit) -> None:
    """Users: everybody else, by letter, with who is online."""
    kit.show("CometChatUsers", "{onItemClick: (each) => clicked(each.getUid())}")
    for name in ("Amy 2", "Bob 3", "Cat 4", "Dan 5"):
        kit.sees(name)
    expect(kit.row("Amy 2").get_by_label("Online").first).to_be_visible()


@step
def _pages_of_users(kit: Kit) -> None:
    """Users: pages are fetched by scrolling."""
    builder = "usersRequestBuilder: new CometChat.UsersRequestBuilder().setLimit(30)"
    kit.bot("users", 60)
    kit.show("CometChatUsers", f"{{{builder}}}")
    kit.sees("Many 00")
    for _ in range(12):
        kit.page.get_by_role("option").last.scroll_into_view_if_needed()
        if kit.page.get_by_text("Many 59").count():
            break
        kit.page.wait_for_timeout(150)
    kit.sees("Many 59")


@step
def _search_users(kit: Kit) -> None:
    """Users: search."""
    kit.show("CometChatUsers", "{onItemClick: (each) => clicked(each.getUid())}")
    kit.page.get_by_role("searchbox").fill("bob")
    kit.sees("Bob 3")
    kit.lacks("Cat 4")
    kit.row("Bob 3").click()
    assert kit.page.evaluate("clicks.pop()") == "bob-3"


@step
def _groups(kit: Kit) -> None:
    """Groups: names, kinds and numbers of members."""
    kit.show("CometChatGroups", "{onItemClick: (each) => clicked(each.getGuid())}")
    kit.sees("3 Members", kit.row("Hikers"))
    kit.sees("Amys Secret")


@step
def _search_groups(kit: Kit) -> None:
    """Groups: search."""
    kit.page.get_by_role("searchbox").fill("open")
    kit.sees("Amys Open")
    kit.lacks("Hikers")
    kit.row("Amys Open").click()
    assert kit.page.evaluate("clicks.pop()") == "amys-open"


@step
def _members(kit: Kit) -> None:
    """Members: names, scopes, search."""
    kit.show("CometChatGroupMembers", HIKERS)
    kit.sees("Owner", kit.row("Zed 1"))
    kit.page.get_by_role("searchbox").fill("bob")
    kit.sees("Bob 3")
    kit.lacks("Amy 2")
    kit.page.get_by_role("searchbox").fill("")
    kit.sees("Amy 2")


@step
def _change_scope(kit: Kit) -> None:
    """Members: a scope is changed."""
    kit.choose(kit.row("Amy 2"), "Change Scope")
    kit.page.get_by_text("Moderator", exact=True).filter(visible=True).last.click()
    kit.button("Save").click()
    assert kit.event("GroupMemberScopeChanged")["new_scope"] == "moderator"
    kit.sees("Moderator", kit.row("Amy 2"))


@step
def _kick(kit: Kit) -> None:
    """Members: one is kicked."""
    kit.bot("add", "hikers", "cat-4")
    kit.show("CometChatGroupMembers", HIKERS)
    kit.choose(kit.row("Cat 4"), "Kick")
    assert kit.event("GroupMemberKicked")["user"]["uid"] == "cat-4"
    kit.lacks("Cat 4")


@step
def _ban(kit: Kit) -> None:
    """Members: one is banned."""
    kit.bot("add", "hikers", "dan-5")
    kit.show("CometChatGroupMembers", HIKERS)
    kit.choose(kit.row("Dan 5"), "Ban")
    assert kit.event("GroupMemberBanned")["user"]["uid"] == "dan-5"
    assert "dan-5" in kit.server.world.groups["hikers"].banned


# One conversation


@step
def _history(kit: Kit) -> None:
    """Messages: the history, with a mention."""
    kit.show("Chat", AMY)
    for text in ("hello from amy", "hello from zed", "@Zed 1", "corrected news"):
        kit.sees(text, kit.page.get_by_test_id("chat"))


@step
def _header(kit: Kit) -> None:
    """Header: name and presence."""
    banner = kit.page.get_by_role("banner")
    kit.sees("Amy 2", banner)
    kit.sees("Online", banner)


@step
def _typing_in_header(kit: Kit) -> None:
    """Header: typing."""
    kit.bot("start_typing", "zed-1", None)
    kit.sees(re.compile("typing", re.IGNORECASE), kit.page.get_by_role("banner"))
    kit.bot("end_typing", "zed-1", None)


@step
def _receive(kit: Kit) -> None:
    """Messages: one arrives, and is marked as read."""
    kit.bot("text", "are you there?", "zed-1", None)
    kit.sees("are you there?", kit.page.get_by_test_id("chat"))
    kit.event("MessagesRead")


@step
def _send(kit: Kit) -> None:
    """Composer: typing and a text reach the bot."""
    kit.write("yes, here")
    assert kit.event("TypingStarted")["sender"]["uid"] == "zed-1"
    kit.event("TextMessage", text="yes, here")
    kit.sees("yes, here", kit.page.get_by_test_id("chat"))


@step
def _receipts(kit: Kit) -> None:
    """Messages: what was sent becomes delivered, and read."""
    number = kit.number("yes, here")
    kit.bot("mark", "delivered", number)
    expect(kit.message("yes, here").get_by_role("img", name="Delivered")).to_be_visible()
    kit.bot("mark", "read", number)
    expect(kit.message("yes, here").get_by_role("img", name="Read")).to_be_visible()


@step
def _information(kit: Kit) -> None:
    """Message information: when it was delivered and read."""
    kit.choose(kit.bubble("yes, here"), "Info")
    kit.sees("Message Information")
    panel = kit.page.locator(".cometchat-message-information").first
    kit.sees("Delivered", panel)
    expect(panel).not_to_contain_text("—")
    kit.show("Chat", AMY)


@step
def _edit_by_bot(kit: Kit) -> None:
    """Messages: an edit arrives."""
    number = kit.say("a word with an eror")
    kit.sees("a word with an eror", kit.page.get_by_test_id("chat"))
    kit.bot("edit", int(number), "a word, corrected")
    kit.sees("a word, corrected", kit.page.get_by_test_id("chat"))


@step
def _delete_by_bot(kit: Kit) -> None:
    """Messages: a deletion arrives."""
    number = kit.say("soon gone")
    kit.sees("soon gone", kit.page.get_by_test_id("chat"))
    kit.bot("delete", int(number))
    kit.lacks("soon gone")


@step
def _edit(kit: Kit) -> None:
    """Composer: a message is edited."""
    kit.choose(kit.bubble("yes, here"), "Edit")
    kit.write(" indeed")
    assert "indeed" in kit.event("MessageEdited")["message"]["text"]
    kit.sees("indeed", kit.page.get_by_test_id("chat"))


@step
def _delete(kit: Kit) -> None:
    """Messages: one is deleted."""
    kit.write("my mistake")
    number = kit.event("TextMessage", text="my mistake")["id"]
    kit.choose(kit.bubble("my mistake"), "Delete")
    kit.button("Delete", kit.dialog()).click()
    assert kit.event("MessageDeleted")["message"]["id"] == number


@step
def _quote(kit: Kit) -> None:
    """Composer: a reply quotes a message."""
    kit.press(kit.bubble("are you there?"), "Reply")
    kit.write("quoting you")
    assert kit.event("TextMessage", text="quoting you")["quoted_message"]["text"] == "are you there?"
    expect(kit.message("quoting you")).to_be_visible()


@step
def _quote_by_bot(kit: Kit) -> None:
    """Messages: a reply that quotes arrives."""
    kit.bot("quote", kit.number("hello from zed"), "and I quote you")
    kit.sees("hello from zed", kit.message("and I quote you"))


@step
def _mention(kit: Kit) -> None:
    """Composer: a mention is chosen from a list."""
    kit.write("look @bob", send=False)
    kit.page.get_by_text("Bob 3").filter(visible=True).last.click()
    kit.button("SEND", kit.page.get_by_test_id("chat")).click()
    assert kit.event("TextMessage", text="look <@uid:bob-3>")
    kit.sees("@Bob 3", kit.page.get_by_test_id("chat"))


@step
def _emoji(kit: Kit) -> None:
    """Composer: an emoji from the keyboard."""
    kit.button("EMOJI").click()
    kit.page.locator("[class*=emoji-keyboard] button, [class*=emoji-keyboard] [role=gridcell]").filter(
        has_text="😀"
    ).first.click()
    kit.page.keyboard.press("Escape")
    kit.button("SEND", kit.page.get_by_test_id("chat")).click()
    kit.event("TextMessage", text="😀")


@step
def _image(kit: Kit) -> None:
    """Composer: a picture is uploaded and sent."""
    kit.button("ATTACHMENTS").click()
    with kit.page.expect_file_chooser() as chooser:
        kit.button("Attach Image").click()
    chooser.value.set_files({"name": "dot.png", "mimeType": "image/png", "buffer": PICTURE})
    send = kit.button("SEND", kit.page.get_by_test_id("chat"))
    expect(send).to_be_enabled()
    kit.page.wait_for_timeout(300)
    send.click()
    event = kit.event("MediaMessage")
    assert event["attachments"][0]["name"] == "dot.png"
    assert kit.bot("bytes", event["attachments"][0]["url"]) == PICTURE.hex()


@step
def _file_by_bot(kit: Kit) -> None:
    """Messages: a picture and a file arrive."""
    kit.bot("file", "theirs.png", "zed-1")
    expect(kit.page.locator("[data-message-id]").last.locator("img[src*=theirs]")).to_be_visible()
    kit.bot("document", "report.pdf", "zed-1")
    kit.sees("report.pdf", kit.page.get_by_test_id("chat"))


@step
def _reactions(kit: Kit) -> None:
    """Messages: a reaction is added, arrives, and is removed."""
    kit.press(kit.bubble("news from amy"), "React")
    kit.page.locator("[class*=emoji-keyboard] button, [class*=emoji-keyboard] [role=gridcell]").filter(
        has_text="😀"
    ).first.click()
    added = kit.event("ReactionAdded")
    assert added["reaction"] == "😀"
    row = kit.message("news from amy")
    kit.sees("😀", row)
    kit.bot("react", int(added["message_id"]), "🎉")
    kit.sees("🎉", row)
    row.get_by_text("😀").last.click()
    assert kit.event("ReactionRemoved")["reaction"] == "😀"


@step
def _reaction_list(kit: Kit) -> None:
    """Reactions: the list of who reacted."""
    kit.show("CometChatReactionList", f"{{message: await CometChat.getMessageDetails({kit.number('news from amy')})}}")
    # If the first response is slow, the kit begins a second request, which its SDK refuses (REQUEST_IN_PROGRESS).
    retry = kit.button("Retry")
    expect(kit.page.get_by_text("Amy 2").filter(visible=True).first.or_(retry)).to_be_visible()
    if retry.is_visible():
        retry.click()
    kit.sees("Amy 2")
    kit.sees("🎉")
    kit.show("Chat", AMY)


@step
def _pin_and_save(kit: Kit) -> None:
    """Messages: one is pinned and saved."""
    kit.choose(kit.bubble("hello from amy"), "Organize", "Pin message")
    assert kit.event("MessagePinned")["message"]["text"] == "hello from amy"
    kit.choose(kit.bubble("hello from amy"), "Organize", "Save message")
    kit.show("CometChatSavedMessages")
    kit.sees("hello from amy")


@step
def _pinned(kit: Kit) -> None:
    """Pinned messages: the list, and unpinning."""
    kit.show("CometChatPinnedMessages", AMY)
    kit.sees("hello from amy")
    kit.show("Chat", AMY)
    kit.choose(kit.bubble("hello from amy"), "Organize", "Unpin message")
    kit.button("Unpin").click()
    kit.event("MessageUnpinned")
    kit.show("CometChatPinnedMessages", AMY)
    kit.sees("No pinned messages yet")


@step
def _flag(kit: Kit) -> None:
    """Messages: one is reported."""
    kit.show("Chat", AMY)
    kit.choose(kit.bubble("hello from amy"), "Report")
    kit.page.get_by_text("Spam", exact=True).filter(visible=True).first.click()
    kit.page.get_by_role("button", name="Report", exact=True).click()
    kit.bot("requested", "POST", "/flagged")


@step
def _thread(kit: Kit) -> None:
    """Threads: a reply is sent, one arrives, and both are counted."""
    kit.choose(kit.bubble("hello from amy"), "Reply in thread")
    kit.write("in the thread", "thread")
    event = kit.event("TextMessage", text="in the thread")
    kit.bot("reply", int(event["parent_message_id"]), "also in the thread")
    kit.sees("also in the thread", kit.page.get_by_test_id("thread"))
    kit.sees(re.compile("2 repl", re.IGNORECASE), kit.page.get_by_test_id("chat"))


@step
def _thread_subscription(kit: Kit) -> None:
    """Threads: the subscription is ended."""
    kit.show("Chat", AMY)
    kit.choose(kit.bubble("hello from amy"), "Unsubscribe from thread")
    kit.bot("requested", "DELETE", "/thread/subscription")


@step
def _mark_unread(kit: Kit) -> None:
    """Messages: one is marked as unread."""
    kit.choose(kit.bubble("a word, corrected"), re.compile("unread", re.IGNORECASE))
    kit.bot("requested", "DELETE", "/conversation/read")


@step
def _pages(kit: Kit) -> None:
    """Messages: older pages are fetched by scrolling."""
    kit.bot("lines", "bob-3", 70)
    kit.show("Chat", "{user: await CometChat.getUser('bob-3')}")
    kit.sees("line 69")
    first = kit.page.get_by_text("line 0", exact=True).first
    for _ in range(100):
        kit.page.get_by_role("log").first.evaluate(_TOP)
        if first.count():
            break
        kit.page.wait_for_timeout(100)
    expect(first).to_be_attached()


@step
def _group(kit: Kit) -> None:
    """A group: header, senders, actions, a text."""
    kit.show("Chat", HIKERS)
    kit.sees("3 Members", kit.page.get_by_role("banner"))
    kit.sees("hi hikers", kit.page.get_by_test_id("chat"))
    kit.sees(re.compile("Kicked|kicked"), kit.page.get_by_test_id("chat"))
    kit.write("hello everybody")
    kit.event("TextMessage", text="hello everybody")
    kit.bot("text", "hello zed", None, "hikers")
    kit.sees("Amy 2", kit.page.locator("[data-message-id]").last)


@step
def _typing_in_group(kit: Kit) -> None:
    """A group: typing has the user's name."""
    kit.bot("start_typing", None, "hikers")
    kit.sees(re.compile("Amy 2.*typing", re.IGNORECASE), kit.page.get_by_role("banner"))
    kit.bot("end_typing", None, "hikers")


@step
def _members_join(kit: Kit) -> None:
    """A group: that a member was added is shown."""
    kit.bot("add", "hikers", "cat-4")
    kit.sees(re.compile("added Cat 4"), kit.page.get_by_test_id("chat"))


# Search


@step
def _search(kit: Kit) -> None:
    """Search: conversations and messages."""
    kit.show("CometChatSearch", "{onMessageClicked: (each) => clicked(each.message.getText())}")
    kit.page.get_by_role("searchbox").fill("everybody")
    kit.sees("hello everybody")
    kit.page.get_by_role("searchbox").fill("Hikers")
    kit.sees("Hikers")


@step
def _search_filters(kit: Kit) -> None:
    """Search: unread conversations, pictures, links, documents."""
    kit.bot("text", "see https://example.com/page", "zed-1", None)
    kit.show("CometChatSearch")
    kit.page.get_by_test_id("search-filter-links").click()
    kit.sees("example.com")
    kit.show("CometChatSearch")
    kit.page.get_by_test_id("search-filter-files").click()
    kit.sees("report.pdf")
    kit.show("CometChatSearch")
    kit.page.get_by_test_id("search-filter-unread").click()
    kit.sees("Amy 2")


# Calls, as signals


@step
def _call_cancelled(kit: Kit) -> None:
    """Calls: one is begun and cancelled."""
    kit.show("CometChatCallButtons", AMY)
    kit.button("Voice call").click()
    call = kit.event("IncomingCall")
    assert call["type"] == "audio"
    kit.sees("Outgoing Call")
    kit.button("End call").click()
    assert kit.event("IncomingCallCancelled")["session_id"] == call["session_id"]
    kit.lacks("Outgoing Call")


@step
def _call_rejected(kit: Kit) -> None:
    """Calls: one is begun, and the bot rejects it."""
    kit.button("Video call").click()
    call = kit.event("IncomingCall")
    assert call["type"] == "video"
    kit.bot("request", "PUT", f"calls/{call['session_id']}", {"status": "rejected"})
    kit.lacks("Outgoing Call")


@step
def _call_declined(kit: Kit) -> None:
    """Calls: one arrives and is declined."""
    kit.bot("call", "zed-1", "audio")
    kit.sees("Incoming Voice Call")
    kit.button("Decline").click()
    kit.event("OutgoingCallRejected")
    kit.lacks("Incoming Voice Call")


@step
def _call_missed(kit: Kit) -> None:
    """Calls: one arrives, and the bot gives up."""
    session = kit.bot("call", "zed-1", "video")
    kit.sees(re.compile("Incoming Video Call", re.IGNORECASE))
    kit.bot("request", "PUT", f"calls/{session}", {"status": "cancelled"})
    kit.lacks("Incoming Video Call")


@step
def _calls_in_history(kit: Kit) -> None:
    """Calls: they are in the history."""
    kit.show("Chat", AMY)
    kit.sees(re.compile("Missed|Voice Call|Video Call", re.IGNORECASE), kit.page.get_by_test_id("chat"))


# Blocking


@step
def _block(kit: Kit) -> None:
    """A blocked user: the header hides the presence."""
    kit.page.evaluate("CometChat.blockUsers(['amy-2'])")
    kit.show("Chat", AMY)
    kit.sees("Amy 2", kit.page.get_by_role("banner"))
    expect(kit.page.get_by_role("banner").get_by_text("Online")).to_have_count(0)
    kit.page.evaluate("CometChat.unblockUsers(['amy-2'])")
