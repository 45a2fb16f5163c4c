// What CometChat's JavaScript SDK does in a browser, one step after the other: [what, function that throws if it fails].
// `bot` is amy-2, a client of cometconn; `peer` makes REST requests as amy-2; `seen` waits for a listener's call.
import { CometChat, CometChatNotifications } from "@cometchat/chat-sdk-javascript";

const C = CometChat;
const TIMEOUT = 20000;  // milliseconds, for a machine that is busy
const calls = [];
const kept = {};

function check(condition, what) {
  if (!condition) throw new Error(what);
}

function same(found, expected, what = "") {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  check(one === other, `${what} ${one} instead of ${other}`);
}

async function refused(promise, code) {
  try {
    await promise;
  } catch (error) {
    same(error.code, code);
    return;
  }
  throw new Error("it was not refused");
}

/** Wait for a call of a listener with these arguments; each call is found once. */
async function seen(name, fits = () => true) {
  const end = Date.now() + TIMEOUT;
  for (;;) {
    const at = calls.findIndex(([called, ...given]) => called === name && fits(...given));
    if (at >= 0) return calls.splice(at, 1)[0].slice(1);
    check(Date.now() < end, `${name} was not called, but ${calls.map((call) => call[0]).join(", ")}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

function listener(...names) {
  return Object.fromEntries(names.map((name) => [name, (...given) => calls.push([name, ...given])]));
}

function listen() {
  C.addMessageListener("steps", listener(
    "onTextMessageReceived", "onMediaMessageReceived", "onCustomMessageReceived", "onTypingStarted", "onTypingEnded",
    "onMessagesDelivered", "onMessagesRead", "onMessageEdited", "onMessageDeleted", "onTransientMessageReceived",
    "onInteractiveMessageReceived", "onInteractionGoalCompleted", "onMessageReactionAdded", "onMessageReactionRemoved",
    "onMessagesDeliveredToAll", "onMessagesReadByAll", "onMessagePinned", "onMessageUnpinned", "onMessageSaved",
    "onMessageUnsaved",
  ));
  C.addCallListener("steps", listener(
    "onIncomingCallReceived", "onOutgoingCallAccepted", "onOutgoingCallRejected", "onIncomingCallCancelled",
    "onCallEndedMessageReceived",
  ));
  C.addUserListener("steps", listener("onUserOnline", "onUserOffline"));
  C.addGroupListener("steps", new C.GroupListener(listener(
    "onGroupMemberJoined", "onGroupMemberLeft", "onGroupMemberKicked", "onGroupMemberBanned", "onGroupMemberUnbanned",
    "onGroupMemberScopeChanged", "onMemberAddedToGroup",
  )));
  C.addConversationListener("steps", listener("onConversationPinned", "onConversationUnpinned"));
  C.addConnectionListener("steps", listener("onConnected", "inConnecting", "onDisconnected"));
  C.addLoginListener("steps", listener("loginSuccess", "loginFailure", "logoutSuccess", "logoutFailure"));
}

const id = (message) => Number(message.getId());
const text = (words, to = "amy-2", type = "user") => new C.TextMessage(to, words, type);
const history = () => new C.MessagesRequestBuilder().setLimit(100);
const withAmy = () => history().setUID("amy-2");
const words = (messages) => messages.filter((message) => message.getText).map((message) => message.getText());
const uids = (users) => users.map((user) => user.getUid()).sort();
const file = (name, content, type) => new File([content], name, { type });
const peer = (method, path, body = null) => bot("request", method, path, body);
const unread = async (uid) => (await C.getUnreadMessageCountForUser(uid))[uid] ?? 0;

export const steps = [
  // The own user, and the connection
  ["init", async () => {
    const settings = new C.AppSettingsBuilder()
      .setRegion("us")
      .subscribePresenceForAllUsers()
      .autoEstablishSocketConnection(true)
      .overrideAdminHost(server.host + "/v3.0")
      .overrideClientHost(server.host + "/v3.0")
      .build();
    same(await C.init("APP", settings), true);
    listen();
  }],
  ["isInitialized", () => same(C.isInitialized(), true)],
  ["getLoggedinUser: none", async () => same(await C.getLoggedinUser(), null)],
  ["login: an unknown uid", () => refused(C.login("nobody-0", "KEY"), "ERR_UID_NOT_FOUND")],
  ["login: a wrong auth key", () => refused(C.login("zed-1", "WRONG"), "AUTH_ERR_INVALID_API_KEY")],
  ["createUser", async () => {
    const user = new C.User("new-9");
    user.setName("New Nine");
    same((await C.createUser(user, "KEY")).getName(), "New Nine");
  }],
  ["updateUser", async () => {
    const user = new C.User("new-9");
    user.setName("Newer Nine");
    same((await C.updateUser(user, "KEY")).getName(), "Newer Nine");
  }],
  ["login", async () => {
    kept.me = await C.login("zed-1", "KEY");
    same([kept.me.getUid(), kept.me.getName()], ["zed-1", "Zed 1"]);
    await seen("loginSuccess");
    await seen("onConnected");
    await bot("event", "UserOnline", { uid: "zed-1" });
  }],
  ["getLoggedinUser", async () => same((await C.getLoggedinUser()).getUid(), "zed-1")],
  ["getConnectionStatus", () => same(C.getConnectionStatus(), "connected")],
  ["login with the token of the user", async () => {
    same((await C.login(kept.me.getAuthToken())).getUid(), "zed-1");
  }],
  ["getAppSettings", async () => same((await C.getAppSettings()).CHAT_API_VERSION, "v3.0")],
  ["updateCurrentUserDetails", async () => {
    const me = new C.User("zed-1");
    me.setName("Zed the First");
    me.setStatusMessage("in a browser");
    me.setMetadata({ team: "blue" });
    const changed = await C.updateCurrentUserDetails(me);
    same([changed.getName(), changed.getStatusMessage()], ["Zed the First", "in a browser"]);
    same((await peer("GET", "users/zed-1")).metadata, { team: "blue" });
  }],

  // Users
  ["getUser", async () => same((await C.getUser("amy-2")).getName(), "Amy 2")],
  ["getUser: unknown", () => refused(C.getUser("nobody-0"), "ERR_UID_NOT_FOUND")],
  ["UsersRequest: pages", async () => {
    const request = new C.UsersRequestBuilder().setLimit(2).build();
    const pages = [await request.fetchNext(), await request.fetchNext(), await request.fetchNext()];
    same(pages.map((page) => page.length), [2, 2, 1]);
    same(await request.fetchNext(), []);
    same(uids(pages.flat()), ["amy-2", "bob-3", "cat-4", "dan-5", "new-9"]);
  }],
  ["UsersRequest: search", async () => {
    same(uids(await new C.UsersRequestBuilder().setLimit(9).setSearchKeyword("bob").build().fetchNext()), ["bob-3"]);
  }],
  ["UsersRequest: UIDs", async () => {
    const found = await new C.UsersRequestBuilder().setLimit(9).setUIDs(["cat-4", "dan-5"]).build().fetchNext();
    same(uids(found), ["cat-4", "dan-5"]);
  }],
  ["UsersRequest: who is online", async () => {
    const found = await new C.UsersRequestBuilder().setLimit(9).setStatus("online").build().fetchNext();
    same(uids(found), ["amy-2"]);
  }],
  ["UsersRequest: roles", async () => {
    same(await new C.UsersRequestBuilder().setLimit(9).setRoles(["admin"]).build().fetchNext(), []);
  }],
  ["UsersRequest: friends", async () => {
    same(uids(await new C.UsersRequestBuilder().setLimit(9).friendsOnly(true).build().fetchNext()), []);
  }],
  ["UsersRequest: tags", async () => {
    await peer("PUT", "me", { tags: ["bot"] });
    const found = await new C.UsersRequestBuilder().setLimit(9).setTags(["bot"]).withTags(true).build().fetchNext();
    same([uids(found), found[0].getTags()], [["amy-2"], ["bot"]]);
  }],
  ["UsersRequest: sorted", async () => {
    const builder = new C.UsersRequestBuilder().setLimit(9).sortBy("name").sortByOrder("desc").searchIn(["name"]);
    const found = await builder.setSearchKeyword("a").build().fetchNext();
    same(found.map((user) => user.getUid()), ["dan-5", "cat-4", "amy-2"]);
  }],
  ["blockUsers", async () => same((await C.blockUsers(["dan-5"]))["dan-5"].success, true)],
  ["BlockedUsersRequest", async () => {
    const request = new C.BlockedUsersRequestBuilder().setLimit(9).blockedByMe().build();
    same(uids(await request.fetchNext()), ["dan-5"]);
    same(await request.fetchNext(), []);
  }],
  ["getUser: blocked by me", async () => same((await C.getUser("dan-5")).getBlockedByMe(), true)],
  ["UsersRequest: without the blocked", async () => {
    const found = await new C.UsersRequestBuilder().setLimit(9).hideBlockedUsers(true).build().fetchNext();
    check(!uids(found).includes("dan-5"), "dan-5 is listed");
  }],
  ["unblockUsers", async () => {
    same((await C.unblockUsers(["dan-5"]))["dan-5"].success, true);
    same((await C.getUser("dan-5")).getBlockedByMe(), false);
  }],
  ["BlockedUsersRequest: who has blocked me", async () => {
    same(await new C.BlockedUsersRequestBuilder().setLimit(9).hasBlockedMe().build().fetchNext(), []);
  }],
  ["getOnlineUserCount", async () => same(await C.getOnlineUserCount(), 2)],
  ["getOnlineGroupMemberCount", async () => same(await C.getOnlineGroupMemberCount(["hikers"]), { hikers: 2 })],
  ["onUserOffline, onUserOnline", async () => {
    await bot("disconnect");
    await seen("onUserOffline", (user) => user.getUid() === "amy-2");
    await bot("connect");
    await seen("onUserOnline", (user) => user.getUid() === "amy-2");
  }],

  // Messages
  ["sendMessage: text", async () => {
    const draft = text("hello amy");
    draft.setMetadata({ colour: "red" });
    draft.setTags(["first"]);
    draft.setMuid("muid-1");
    kept.sent = await C.sendMessage(draft);
    check(id(kept.sent) > 0, "no id");
    same([kept.sent.getText(), kept.sent.getMuid(), kept.sent.getTags()], ["hello amy", "muid-1", ["first"]]);
    const event = await bot("event", "TextMessage");
    same([event.text, event.id, event.sender.uid], ["hello amy", id(kept.sent), "zed-1"]);
    same(event.sender.name, "Zed the First");
  }],
  ["onTextMessageReceived", async () => {
    await bot("text", "amy-2 to zed-1", "zed-1", null);
    [kept.received] = await seen("onTextMessageReceived");
    same([kept.received.getText(), kept.received.getSender().getUid()], ["amy-2 to zed-1", "amy-2"]);
  }],
  ["getLastDeliveredMessageId", async () => same(Number(await C.getLastDeliveredMessageId()), id(kept.received))],
  ["sendMessage to a group", async () => {
    kept.inGroup = await C.sendMessage(text("hello all", "hikers", "group"));
    same((await bot("event", "TextMessage")).text, "hello all");
  }],
  ["onTextMessageReceived in a group", async () => {
    await bot("text", "amy-2 to hikers", null, "hikers");
    const [message] = await seen("onTextMessageReceived", (message) => message.getReceiverType() === "group");
    same([message.getText(), message.getReceiver().getGuid()], ["amy-2 to hikers", "hikers"]);
  }],
  ["sendCustomMessage", async () => {
    const sent = await C.sendCustomMessage(new C.CustomMessage("amy-2", "user", "place", { lat: 1.5 }));
    same([sent.getType(), sent.getCustomData()], ["place", { lat: 1.5 }]);
    same((await bot("event", "CustomMessage")).type, "place");
  }],
  ["onCustomMessageReceived", async () => {
    await peer("POST", "messages", {
      receiver: "zed-1", receiverType: "user", category: "custom", type: "place", data: { customData: { lat: 2 } },
    });
    const [message] = await seen("onCustomMessageReceived");
    same(message.getCustomData(), { lat: 2 });
  }],
  ["sendInteractiveMessage", async () => {
    const message = new C.InteractiveMessage("amy-2", "user", "form", { title: "a form" });
    message.setInteractionGoal(new C.InteractionGoal("anyAction", ["ok"]));
    same((await C.sendInteractiveMessage(message)).getInteractiveData().title, "a form");
    same((await bot("event", "InteractiveMessage")).type, "form");
  }],
  ["onInteractiveMessageReceived, markAsInteracted", async () => {
    const data = await peer("POST", "messages", {
      receiver: "zed-1", receiverType: "user", category: "interactive", type: "form",
      data: { interactiveData: { title: "theirs" }, interactionGoal: { type: "anyAction", elementIds: ["ok"] } },
    });
    const [message] = await seen("onInteractiveMessageReceived");
    same(String(id(message)), data.id);
    await C.markAsInteracted(id(message), "ok");
    same((await bot("event", "InteractionGoalCompleted")).message_id, id(message));
  }],
  ["sendMediaMessage: a file as a form", async () => {
    const message = new C.MediaMessage("amy-2", file("notes.txt", "some notes", "text/plain"), "file", "user");
    message.setCaption("see here");
    const sent = await C.sendMediaMessage(message);
    same([sent.getAttachment().getName(), sent.getCaption()], ["notes.txt", "see here"]);
    same(await (await fetch(sent.getURL())).text(), "some notes");
    const event = await bot("event", "MediaMessage");
    same([event.attachments[0].name, event.attachments[0].size], ["notes.txt", 10]);
  }],
  ["sendMediaMessage: several files", async () => {
    const files = [file("a.txt", "a", "text/plain"), file("b.txt", "bb", "text/plain")];
    const sent = await C.sendMediaMessage(new C.MediaMessage("amy-2", files, "file", "user"));
    same(sent.getAttachments().map((each) => each.getName()), ["a.txt", "b.txt"]);
    same((await bot("event", "MediaMessage")).attachments.length, 2);
  }],
  ["UploadFileRequest, then sendMediaMessage", async () => {
    const request = C.createUploadFileRequest("amy-2", "user");
    const files = ["one", "two"].map((name) => ({ fileId: name, file: file(`${name}.txt`, name, "text/plain") }));
    await new Promise((done, failed) => {
      let left = files.length;
      request.uploadAttachments(files, {
        onFileSuccess: () => { left -= 1; if (!left) done(); },
        onFileUploaded: () => { left -= 1; if (!left) done(); },
        onComplete: done,
        onAllComplete: done,
        onFileFailure: (...given) => failed(new Error(JSON.stringify(given))),
        onError: (...given) => failed(new Error(JSON.stringify(given))),
      });
      setTimeout(() => failed(new Error(`upload ended with ${JSON.stringify(request.getStatus())}`)), TIMEOUT);
    });
    const message = new C.MediaMessage("amy-2", "", "file", "user");
    message.setAttachments(request.getAttachments());
    same((await C.sendMediaMessage(message)).getAttachments().length, 2);
    const event = await bot("event", "MediaMessage");
    same(event.attachments.map((each) => each.name).sort(), ["one.txt", "two.txt"]);
    same(await (await fetch(event.attachments[0].url)).text(), "one");
  }],
  ["getMaxAttachmentCount", async () => same(await C.getMaxAttachmentCount(), 10)],
  ["onMediaMessageReceived", async () => {
    await bot("file", "picture.png", "zed-1");
    const [message] = await seen("onMediaMessageReceived");
    same([message.getType(), message.getAttachment().getName()], ["image", "picture.png"]);
  }],
  ["editMessage", async () => {
    const changed = text("hello again");
    changed.setId(id(kept.sent));
    const edited = await C.editMessage(changed);
    same([edited.getText(), edited.getEditedBy()], ["hello again", "zed-1"]);
    const event = await bot("event", "MessageEdited");
    same([event.message.text, event.message.id], ["hello again", id(kept.sent)]);
  }],
  ["onMessageEdited", async () => {
    await bot("edit", id(kept.received), "changed by amy");
    const [message] = await seen("onMessageEdited");
    same([message.getText(), message.getEditedBy()], ["changed by amy", "amy-2"]);
  }],
  ["deleteMessage", async () => {
    const sent = await C.sendMessage(text("a mistake"));
    await bot("event", "TextMessage");
    const deleted = await C.deleteMessage(String(id(sent)));
    same([id(deleted), deleted.getDeletedBy()], [id(sent), "zed-1"]);
    check(deleted.getDeletedAt() > 0, "no time");
    same((await bot("event", "MessageDeleted")).message.id, id(sent));
  }],
  ["onMessageDeleted", async () => {
    await bot("text", "amy's mistake", "zed-1", null);
    const [message] = await seen("onTextMessageReceived");
    await peer("DELETE", `messages/${id(message)}`);
    same(id((await seen("onMessageDeleted"))[0]), id(message));
  }],
  ["editMessage: another user's is refused", async () => {
    const changed = text("not mine");
    changed.setId(id(kept.received));
    await refused(C.editMessage(changed), "ERR_PERMISSION_DENIED");
  }],
  ["a mention", async () => {
    const sent = await C.sendMessage(text("look, <@uid:amy-2>"));
    same(uids(sent.getMentionedUsers()), ["amy-2"]);
    same((await bot("event", "TextMessage")).text, "look, <@uid:amy-2>");
    await bot("text", "and you, <@uid:zed-1>", "zed-1", null);
    const [message] = await seen("onTextMessageReceived");
    same([uids(message.getMentionedUsers()), message.hasMentionedMe()], [["zed-1"], true]);
  }],
  ["a quote", async () => {
    const draft = text("as you wrote");
    draft.setQuotedMessageId(id(kept.received));
    const sent = await C.sendMessage(draft);
    same([Number(sent.getQuotedMessageId()), sent.getQuotedMessage().getText()], [id(kept.received), "changed by amy"]);
    same((await bot("event", "TextMessage")).quoted_message.id, id(kept.received));
  }],
  ["a reply in a thread", async () => {
    const draft = text("in the thread");
    draft.setParentMessageId(id(kept.received));
    same(Number((await C.sendMessage(draft)).getParentMessageId()), id(kept.received));
    same((await bot("event", "TextMessage")).parent_message_id, id(kept.received));
    await bot("reply", id(kept.received), "in it, too");
    same(Number((await seen("onTextMessageReceived"))[0].getParentMessageId()), id(kept.received));
  }],
  ["MessagesRequest: a thread", async () => {
    const request = history().setParentMessageId(id(kept.received)).build();
    same(words(await request.fetchPrevious()), ["in the thread", "in it, too"]);
  }],
  ["getMessageDetails: replies are counted", async () => {
    same((await C.getMessageDetails(id(kept.received))).getReplyCount(), 2);
  }],
  ["ThreadsRequest", async () => {
    const found = await new C.ThreadsRequestBuilder().setLimit(9).build().fetchNext();
    same(found.map((thread) => thread.getParentMessageId()), [id(kept.received)]);
  }],
  ["subscribeToThread, unsubscribeFromThread", async () => {
    await C.subscribeToThread(id(kept.received));
    same((await C.getMessageDetails(id(kept.received))).isThreadSubscribed(), true);
    await C.unsubscribeFromThread(id(kept.received));
    same((await C.getMessageDetails(id(kept.received))).isThreadSubscribed(), false);
  }],

  // Typing, transient messages, receipts
  ["startTyping, endTyping", async () => {
    C.startTyping(new C.TypingIndicator("amy-2", "user", { device: "browser" }));
    const started = await bot("event", "TypingStarted");
    same([started.sender.uid, started.metadata], ["zed-1", { device: "browser" }]);
    C.endTyping(new C.TypingIndicator("amy-2", "user"));
    same((await bot("event", "TypingEnded")).sender.uid, "zed-1");
  }],
  ["onTypingStarted, onTypingEnded", async () => {
    await bot("typing", "zed-1");
    same((await seen("onTypingStarted"))[0].getSender().getUid(), "amy-2");
    await seen("onTypingEnded");
  }],
  ["typing in a group", async () => {
    C.startTyping(new C.TypingIndicator("hikers", "group"));
    same((await bot("event", "TypingStarted")).receiver.guid, "hikers");
    C.endTyping(new C.TypingIndicator("hikers", "group"));
    await bot("event", "TypingEnded");
  }],
  ["sendTransientMessage", async () => {
    C.sendTransientMessage(new C.TransientMessage("amy-2", "user", { wave: 1 }));
    same((await bot("event", "TransientMessage")).data, { wave: 1 });
  }],
  ["onTransientMessageReceived", async () => {
    await bot("transient", "zed-1", { wave: 2 });
    same((await seen("onTransientMessageReceived"))[0].getData(), { wave: 2 });
  }],
  ["getUnreadMessageCountForUser", async () => check((await unread("amy-2")) > 0, "no unread message")],
  ["getUnreadMessageCountForAllUsers", async () => {
    same(Object.keys(await C.getUnreadMessageCountForAllUsers()), ["amy-2"]);
  }],
  ["getUnreadMessageCountForGroup", async () => {
    same(await C.getUnreadMessageCountForGroup("hikers"), { hikers: 1 });
  }],
  ["getUnreadMessageCountForAllGroups", async () => same(await C.getUnreadMessageCountForAllGroups(), { hikers: 1 })],
  ["getUnreadMessageCount", async () => {
    const found = await C.getUnreadMessageCount();
    same([Object.keys(found.users), found.groups], [["amy-2"], { hikers: 1 }]);
  }],
  ["markAsDelivered", async () => {
    await C.markAsDelivered(kept.received);
    const receipt = await bot("event", "MessagesDelivered");
    same([receipt.message_id, receipt.sender.uid], [id(kept.received), "zed-1"]);
  }],
  ["markAsRead", async () => {
    await C.markAsRead(kept.received);
    same((await bot("event", "MessagesRead")).message_id, id(kept.received));
  }],
  ["onMessagesDelivered, onMessagesRead", async () => {
    const sent = await C.sendMessage(text("did you read this?"));
    await bot("event", "TextMessage");
    await bot("mark", "delivered", id(sent));
    same((await seen("onMessagesDelivered"))[0].getMessageId(), String(id(sent)));
    await bot("mark", "read", id(sent));
    same((await seen("onMessagesRead"))[0].getMessageId(), String(id(sent)));
    kept.read = sent;
  }],
  ["getMessageReceipts", async () => {
    const receipts = await C.getMessageReceipts(id(kept.read));
    same(receipts.map((each) => each.getSender().getUid()), ["amy-2"]);
    check(receipts[0].getReadAt() > 0 && receipts[0].getDeliveredAt() > 0, "no time");
  }],
  ["onMessagesDeliveredToAll, onMessagesReadByAll", async () => {
    const sent = await C.sendMessage(text("all of you", "hikers", "group"));
    await bot("event", "TextMessage");
    await bot("all", "hikers", String(id(sent)));
    await seen("onMessagesDeliveredToAll");
    await seen("onMessagesReadByAll");
  }],
  ["markMessageAsUnread", async () => {
    await C.markConversationAsRead("amy-2", "user");
    same(await unread("amy-2"), 0);
    const conversation = await C.markMessageAsUnread(kept.received);
    check(conversation.getUnreadMessageCount() > 0, "nothing is unread");
    check((await unread("amy-2")) > 0, "nothing is unread");
  }],
  ["markConversationAsRead", async () => {
    await C.markConversationAsRead("amy-2", "user");
    same(await unread("amy-2"), 0);
  }],
  ["markConversationAsDelivered", async () => {
    await C.markConversationAsDelivered("hikers", "group");
  }],
  ["markConversationAsRead of a group", async () => {
    await C.markConversationAsRead("hikers", "group");
    same(await C.getUnreadMessageCountForGroup("hikers"), {});
  }],

  // Reactions, pins, saves, flags
  ["addReaction", async () => {
    const message = await C.addReaction(id(kept.received), "👍");
    same(message.getReactions().map((each) => [each.getReaction(), each.getCount(), each.getReactedByMe()]), [["👍", 1, true]]);
    const event = await bot("event", "ReactionAdded");
    same([event.reaction, event.message_id], ["👍", id(kept.received)]);
  }],
  ["onMessageReactionAdded, onMessageReactionRemoved", async () => {
    await bot("react", id(kept.received), "🎉");
    same((await seen("onMessageReactionAdded"))[0].getReaction().getReaction(), "🎉");
    await bot("unreact", id(kept.received), "🎉");
    await seen("onMessageReactionRemoved");
  }],
  ["ReactionsRequest", async () => {
    const request = new C.ReactionsRequestBuilder().setMessageId(id(kept.received)).setLimit(9).build();
    const found = await request.fetchNext();
    same(found.map((each) => [each.getReaction(), each.getReactedBy().getUid()]), [["👍", "zed-1"]]);
    same(await request.fetchNext(), []);
  }],
  ["ReactionsRequest: one reaction", async () => {
    const builder = new C.ReactionsRequestBuilder().setMessageId(id(kept.received)).setLimit(9);
    same((await builder.setReaction("👍").build().fetchNext()).length, 1);
    same((await builder.setReaction("🎉").build().fetchNext()).length, 0);
  }],
  ["removeReaction", async () => {
    same((await C.removeReaction(id(kept.received), "👍")).getReactions(), []);
    same((await bot("event", "ReactionRemoved")).reaction, "👍");
  }],
  ["isPinMessageEnabled and the like", async () => {
    same([await C.isPinMessageEnabled(), await C.isSaveMessageEnabled(), await C.isPinConversationEnabled()], [true, true, true]);
  }],
  ["getPinnedMessagesLimit and the like", async () => {
    const limits = [
      C.getPinnedMessagesLimit(), C.getSystemPinnedMessagesLimit(), C.getSavedMessagesLimit(),
      C.getPinnedConversationsLimit(), C.getSystemPinnedConversationsLimit(),
    ];
    for (const limit of await Promise.all(limits)) check(limit > 0, `a limit is ${limit}`);
  }],
  ["pinMessage", async () => {
    const pinned = await C.pinMessage(id(kept.received));
    same([pinned.isPinned(), pinned.getPinnedBy()], [true, "zed-1"]);
    same((await bot("event", "MessagePinned")).message.id, id(kept.received));
  }],
  ["onMessagePinned, onMessageUnpinned", async () => {
    await peer("POST", `messages/${id(kept.sent)}/pin`);
    same((await seen("onMessagePinned", (message) => id(message) === id(kept.sent)))[0].getPinnedBy(), "amy-2");
    await peer("DELETE", `messages/${id(kept.sent)}/pin`);
    await seen("onMessageUnpinned");
  }],
  ["MessagesRequest: the pinned", async () => {
    const found = await withAmy().setPinned(true).build().fetchPrevious();
    same(found.map(id), [id(kept.received)]);
  }],
  ["unpinMessage", async () => {
    same((await C.unpinMessage(id(kept.received))).isPinned(), false);
    await bot("event", "MessageUnpinned");
  }],
  ["saveMessage", async () => same((await C.saveMessage(id(kept.received))).isSaved(), true)],
  ["MessagesRequest: the saved", async () => {
    const found = await history().setSaved(true).build().fetchPrevious();
    same(found.map(id), [id(kept.received)]);
  }],
  ["unsaveMessage", async () => same((await C.unsaveMessage(id(kept.received))).isSaved(), false)],
  ["getFlagReasons", async () => {
    kept.reasons = await C.getFlagReasons();
    check(kept.reasons.length > 0 && kept.reasons[0].name, "no reasons");
  }],
  ["flagMessage", async () => {
    await C.flagMessage(String(id(kept.received)), { reasonId: kept.reasons[0].id, remark: "rude" });
    await refused(C.flagMessage(String(id(kept.received)), { reasonId: "no-reason" }), "INVALID_REASON_ID");
  }],

  // History
  ["MessagesRequest: pages backwards", async () => {
    const all = await withAmy().build().fetchPrevious();
    const request = new C.MessagesRequestBuilder().setUID("amy-2").setLimit(7).build();
    const found = [];
    for (let page = await request.fetchPrevious(); page.length; page = await request.fetchPrevious()) {
      found.unshift(...page);
    }
    same(found.map(id), all.map(id));
    kept.all = all;
  }],
  ["MessagesRequest: forwards from an id", async () => {
    const request = withAmy().setMessageId(kept.all[2].getId()).build();
    same((await request.fetchNext()).map(id), kept.all.slice(3).map(id));
    same(await request.fetchNext(), []);
  }],
  ["MessagesRequest: forwards from a time", async () => {
    const found = await withAmy().setTimestamp(kept.all[0].getSentAt() - 10).build().fetchNext();
    same(found.length, kept.all.length);
  }],
  ["MessagesRequest: updates", async () => {
    const builder = withAmy().setUpdatedAfter(String(kept.all[0].getSentAt() - 10)).updatesOnly(true);
    const found = await builder.build().fetchNext();
    check(found.every((message) => message.getEditedAt() || message.getDeletedAt()), "a message without a change");
  }],
  ["MessagesRequest: a group", async () => {
    same(words(await history().setGUID("hikers").setCategory("message").build().fetchPrevious()),
      ["hello all", "amy-2 to hikers", "all of you"]);
  }],
  ["MessagesRequest: search", async () => {
    same(words(await withAmy().setSearchKeyword("AGAIN").build().fetchPrevious()), ["hello again"]);
  }],
  ["MessagesRequest: category and type", async () => {
    const found = await withAmy().setCategory("custom").setType("place").build().fetchPrevious();
    same(found.map((message) => message.getCategory()), ["custom", "custom"]);
  }],
  ["MessagesRequest: categories and types", async () => {
    const found = await withAmy().setCategories(["custom", "interactive"]).setTypes(["form"]).build().fetchPrevious();
    same(found.map((message) => message.getType()), ["form", "form"]);
  }],
  ["MessagesRequest: tags", async () => {
    const found = await withAmy().setTags(["first"]).withTags(true).build().fetchPrevious();
    same(found.map((message) => message.getTags()), [["first"]]);
  }],
  ["MessagesRequest: without replies", async () => {
    const found = await withAmy().hideReplies(true).build().fetchPrevious();
    check(found.every((message) => !message.getParentMessageId()), "a reply");
  }],
  ["MessagesRequest: without the deleted", async () => {
    const found = await withAmy().hideDeletedMessages(true).build().fetchPrevious();
    check(found.length && found.every((message) => !message.getDeletedAt()), "a deleted message");
  }],
  ["MessagesRequest: unread", async () => {
    await bot("text", "unread words", "zed-1", null);
    await seen("onTextMessageReceived");
    same(words(await withAmy().setUnread(true).build().fetchPrevious()), ["unread words"]);
  }],
  ["MessagesRequest: with attachments", async () => {
    const found = await withAmy().hasAttachments(true).build().fetchPrevious();
    check(found.length === 4 && found.every((message) => message.getAttachments().length), `${found.length} messages`);
  }],
  ["MessagesRequest: types of attachments", async () => {
    const found = await withAmy().hasAttachments(true).setAttachmentTypes([C.AttachmentType.IMAGE]).build().fetchPrevious();
    same(found.map((message) => message.getAttachment().getName()), ["picture.png"]);
  }],
  ["MessagesRequest: with links", async () => {
    await C.sendMessage(text("see https://example.com/here"));
    await bot("event", "TextMessage");
    same(words(await withAmy().hasLinks(true).build().fetchPrevious()), ["see https://example.com/here"]);
  }],
  ["MessagesRequest: with mentions", async () => {
    same(words(await withAmy().hasMentions(true).build().fetchPrevious()), ["look, <@uid:amy-2>", "and you, <@uid:zed-1>"]);
  }],
  ["MessagesRequest: mentions of a user", async () => {
    same(words(await withAmy().setMentionedUIDs(["zed-1"]).build().fetchPrevious()), ["and you, <@uid:zed-1>"]);
  }],
  ["MessagesRequest: with reactions", async () => {
    await C.addReaction(id(kept.sent), "❤");
    await bot("event", "ReactionAdded");
    same((await withAmy().hasReactions(true).build().fetchPrevious()).map(id), [id(kept.sent)]);
  }],
  ["MessagesRequest: without quotes", async () => {
    const found = await withAmy().hideQuotedMessages(true).build().fetchPrevious();
    check(!words(found).includes("as you wrote"), "a message with a quote");
  }],
  ["MessagesRequest: without the blocked", async () => {
    await C.blockUsers(["amy-2"]);
    same(words(await withAmy().hideMessagesFromBlockedUsers(true).setUnread(true).build().fetchPrevious()), []);
    await C.unblockUsers(["amy-2"]);
  }],

  // Conversations
  ["ConversationsRequest", async () => {
    const found = await new C.ConversationsRequestBuilder().setLimit(9).build().fetchNext();
    same(found.map((each) => each.getConversationId()), ["amy-2_user_zed-1", "group_hikers"]);
    same(found[0].getLastMessage().getText(), "see https://example.com/here");
    same([found[0].getUnreadMessageCount(), found[0].getConversationWith().getUid()], [1, "amy-2"]);
  }],
  ["ConversationsRequest: pages", async () => {
    const request = new C.ConversationsRequestBuilder().setLimit(1).build();
    const found = [await request.fetchNext(), await request.fetchNext(), await request.fetchNext()];
    same(found.map((page) => page.length), [1, 1, 0]);
  }],
  ["ConversationsRequest: of groups", async () => {
    const found = await new C.ConversationsRequestBuilder().setLimit(9).setConversationType("group").build().fetchNext();
    same(found.map((each) => each.getConversationWith().getGuid()), ["hikers"]);
  }],
  ["ConversationsRequest: unread", async () => {
    const found = await new C.ConversationsRequestBuilder().setLimit(9).setUnread(true).build().fetchNext();
    same(found.map((each) => each.getConversationId()), ["amy-2_user_zed-1"]);
  }],
  ["ConversationsRequest: search", async () => {
    const found = await new C.ConversationsRequestBuilder().setLimit(9).setSearchKeyword("hik").build().fetchNext();
    same(found.map((each) => each.getConversationId()), ["group_hikers"]);
  }],
  ["tagConversation", async () => {
    same((await C.tagConversation("amy-2", "user", ["work"])).getTags(), ["work"]);
    const found = await new C.ConversationsRequestBuilder().setLimit(9).setTags(["work"]).withTags(true).build().fetchNext();
    same(found.map((each) => each.getTags()), [["work"]]);
  }],
  ["ConversationsRequest: tags of users", async () => {
    const builder = new C.ConversationsRequestBuilder().setLimit(9).setUserTags(["bot"]).withUserAndGroupTags(true);
    const found = await builder.build().fetchNext();
    same(found.map((each) => each.getConversationWith().uid), ["amy-2"]);
  }],
  ["getConversation", async () => {
    const found = await C.getConversation("amy-2", "user");
    same([found.getConversationType(), found.getUnreadMessageCount()], ["user", 1]);
    same(found.getLastMessage().getText(), "see https://example.com/here");
  }],
  ["the last message after an edit", async () => {
    const sent = await C.sendMessage(text("last, with an eror"));
    await bot("event", "TextMessage");
    const changed = text("last, corrected");
    changed.setId(id(sent));
    await C.editMessage(changed);
    await bot("event", "MessageEdited");
    same((await C.getConversation("amy-2", "user")).getLastMessage().getText(), "last, corrected");
  }],
  ["CometChatHelper.getConversationFromMessage", async () => {
    same((await C.CometChatHelper.getConversationFromMessage(kept.sent)).getConversationId(), "amy-2_user_zed-1");
  }],
  ["pinConversation", async () => {
    await C.pinConversation("hikers", "group");
    const found = await new C.ConversationsRequestBuilder().setLimit(9).build().fetchNext();
    same(found[0].getConversationId(), "group_hikers");
    check(found[0].getPinnedAt() > 0, "it is not pinned");
  }],
  ["ConversationsRequest: the pinned", async () => {
    const found = await new C.ConversationsRequestBuilder().setLimit(9).setPinnedBy(["me"]).build().fetchNext();
    same(found.map((each) => each.getConversationId()), ["group_hikers"]);
  }],
  ["unpinConversation", async () => {
    await C.unpinConversation("hikers", "group");
    check(!(await C.getConversation("hikers", "group")).getPinnedAt(), "it is still pinned");
  }],
  ["deleteConversation", async () => {
    await C.sendMessage(text("soon gone", "cat-4"));
    await C.deleteConversation("cat-4", "user");
    const found = await new C.ConversationsRequestBuilder().setLimit(9).build().fetchNext();
    check(!found.some((each) => each.getConversationId().includes("cat-4")), "it is still there");
  }],
  ["getConversationUpdateSettings", async () => {
    same((await C.getConversationUpdateSettings()).shouldUpdateOnMessageReplies(), true);
  }],

  // Groups
  ["createGroup: public", async () => {
    const group = await C.createGroup(new C.Group("open-1", "Open", "public"));
    same([group.getGuid(), group.getOwner(), group.getHasJoined(), group.getScope()], ["open-1", "zed-1", true, "owner"]);
  }],
  ["createGroup: with a password", async () => {
    same((await C.createGroup(new C.Group("secret-1", "Secret", "password", "pass"))).getType(), "password");
  }],
  ["createGroup: private", async () => {
    same((await C.createGroup(new C.Group("closed-1", "Closed", "private"))).getType(), "private");
  }],
  ["createGroup: one that exists", () => {
    return refused(C.createGroup(new C.Group("open-1", "Open", "public")), "ERR_GUID_ALREADY_EXISTS");
  }],
  ["createGroupWithMembers", async () => {
    const members = [new C.GroupMember("bob-3", "admin"), new C.GroupMember("cat-4", "participant")];
    const made = await C.createGroupWithMembers(new C.Group("team-1", "Team", "public"), members, ["dan-5"]);
    same(made.group.getGuid(), "team-1");
    same([made.members["bob-3"], made.members["cat-4"], made.members["dan-5"]], ["success", "success", "success"]);
  }],
  ["getGroup", async () => {
    const group = await C.getGroup("hikers");
    same([group.getName(), group.getMembersCount(), group.getHasJoined()], ["Hikers", 3, true]);
  }],
  ["updateGroup", async () => {
    const group = new C.Group("open-1", "Wide open", "public");
    group.setDescription("for all");
    group.setIcon("https://example.com/icon.png");
    group.setMetadata({ topic: "hills" });
    group.setTags(["outdoors"]);
    const changed = await C.updateGroup(group);
    same([changed.getName(), changed.getDescription(), changed.getMetadata()], ["Wide open", "for all", { topic: "hills" }]);
  }],
  ["GroupsRequest: pages", async () => {
    const request = new C.GroupsRequestBuilder().setLimit(4).build();
    const pages = [await request.fetchNext(), await request.fetchNext(), await request.fetchNext()];
    same(pages.map((page) => page.length), [4, 3, 0]);
  }],
  ["GroupsRequest: search", async () => {
    const found = await new C.GroupsRequestBuilder().setLimit(9).setSearchKeyword("wide").build().fetchNext();
    same(found.map((group) => group.getGuid()), ["open-1"]);
  }],
  ["GroupsRequest: the joined", async () => {
    const found = await new C.GroupsRequestBuilder().setLimit(9).joinedOnly(true).build().fetchNext();
    same(found.map((group) => group.getGuid()).sort(), ["closed-1", "hikers", "open-1", "secret-1", "team-1"]);
  }],
  ["GroupsRequest: tags", async () => {
    const found = await new C.GroupsRequestBuilder().setLimit(9).setTags(["outdoors"]).withTags(true).build().fetchNext();
    same(found.map((group) => group.getTags()), [["outdoors"]]);
  }],
  ["joinGroup: public", async () => {
    const group = await C.joinGroup("amys-open", "public", "");
    same([group.getHasJoined(), group.getScope()], [true, "participant"]);
    same((await bot("event", "GroupMemberJoined")).group.guid, "amys-open");
  }],
  ["joinGroup: a wrong password", () => refused(C.joinGroup("amys-secret", "password", "wrong"), "ERR_GROUP_JOIN_NOT_ALLOWED")],
  ["joinGroup: with the password", async () => {
    same((await C.joinGroup("amys-secret", "password", "open sesame")).getHasJoined(), true);
    await bot("event", "GroupMemberJoined");
  }],
  ["joinGroup: private is refused", async () => {
    await refused(C.joinGroup("amys-closed", "private", ""), "ERR_GROUP_JOIN_NOT_ALLOWED");
  }],
  ["onMemberAddedToGroup", async () => {
    await peer("PUT", "groups/amys-closed/members", { participants: ["zed-1"] });
    const [, on, by, group] = await seen("onMemberAddedToGroup");
    same([on.getUid(), by.getUid(), group.getGuid()], ["zed-1", "amy-2", "amys-closed"]);
  }],
  ["leaveGroup", async () => {
    same(await C.leaveGroup("amys-open"), true);
    same((await bot("event", "GroupMemberLeft")).group.guid, "amys-open");
    same((await C.getGroup("amys-open")).getHasJoined(), false);
  }],
  ["addMembersToGroup", async () => {
    const done = await C.addMembersToGroup("open-1", [new C.GroupMember("amy-2", "participant"), new C.GroupMember("bob-3", "moderator")], []);
    same([done["amy-2"], done["bob-3"]], ["success", "success"]);
    same((await bot("event", "GroupMemberAdded", { guid: "open-1" })).group.guid, "open-1");
  }],
  ["GroupMembersRequest", async () => {
    const request = new C.GroupMembersRequestBuilder("open-1").setLimit(2).build();
    const pages = [await request.fetchNext(), await request.fetchNext(), await request.fetchNext()];
    same(pages.map((page) => page.length), [2, 1, 0]);
    same(pages.flat().map((member) => [member.getUid(), member.getScope()]),
      [["zed-1", "owner"], ["bob-3", "moderator"], ["amy-2", "participant"]]);
  }],
  ["GroupMembersRequest: scopes", async () => {
    const found = await new C.GroupMembersRequestBuilder("open-1").setLimit(9).setScopes(["moderator"]).build().fetchNext();
    same(uids(found), ["bob-3"]);
  }],
  ["GroupMembersRequest: search and status", async () => {
    const builder = new C.GroupMembersRequestBuilder("open-1").setLimit(9);
    same(uids(await builder.setSearchKeyword("amy").setStatus("online").build().fetchNext()), ["amy-2"]);
  }],
  ["updateGroupMemberScope", async () => {
    same(await C.updateGroupMemberScope("open-1", "amy-2", "moderator"), true);
    const event = await bot("event", "GroupMemberScopeChanged");
    same([event.new_scope, event.old_scope], ["moderator", "participant"]);
  }],
  ["onGroupMemberScopeChanged", async () => {
    await peer("PUT", "groups/amys-closed/members/zed-1", { scope: "moderator" });
    const [, user, now, before] = await seen("onGroupMemberScopeChanged");
    same([user.getUid(), now, before], ["zed-1", "moderator", "participant"]);
  }],
  ["kickGroupMember", async () => {
    same(await C.kickGroupMember("open-1", "bob-3"), true);
    same((await bot("event", "GroupMemberKicked")).user.uid, "bob-3");
  }],
  ["banGroupMember", async () => {
    same(await C.banGroupMember("team-1", "cat-4"), true);
  }],
  ["BannedMembersRequest", async () => {
    const found = await new C.BannedMembersRequestBuilder("team-1").setLimit(9).build().fetchNext();
    same(uids(found), ["cat-4", "dan-5"]);
  }],
  ["BannedMembersRequest: search", async () => {
    const found = await new C.BannedMembersRequestBuilder("team-1").setLimit(9).setSearchKeyword("dan").build().fetchNext();
    same(uids(found), ["dan-5"]);
  }],
  ["unbanGroupMember", async () => {
    same(await C.unbanGroupMember("team-1", "cat-4"), true);
    same(uids(await new C.BannedMembersRequestBuilder("team-1").setLimit(9).build().fetchNext()), ["dan-5"]);
  }],
  ["onGroupMemberKicked", async () => {
    await peer("DELETE", "groups/amys-closed/members/zed-1");
    const [, user, by, group] = await seen("onGroupMemberKicked");
    same([user.getUid(), by.getUid(), group.getGuid()], ["zed-1", "amy-2", "amys-closed"]);
  }],
  ["onGroupMemberBanned", async () => {
    await peer("POST", "groups/amys-secret/bannedusers/zed-1");
    same((await seen("onGroupMemberBanned"))[1].getUid(), "zed-1");
    await refused(C.joinGroup("amys-secret", "password", "open sesame"), "ERR_BANNED_GROUPMEMBER");
  }],
  ["onGroupMemberUnbanned", async () => {
    await peer("DELETE", "groups/amys-secret/bannedusers/zed-1");
    same((await seen("onGroupMemberUnbanned"))[1].getUid(), "zed-1");
  }],
  ["onGroupMemberJoined, onGroupMemberLeft", async () => {
    await peer("POST", "groups/team-1/members");
    same((await seen("onGroupMemberJoined"))[1].getUid(), "amy-2");
    await peer("DELETE", "groups/team-1/members");
    same((await seen("onGroupMemberLeft"))[1].getUid(), "amy-2");
  }],
  ["transferGroupOwnership", async () => {
    await C.transferGroupOwnership("open-1", "amy-2");
    same((await C.getGroup("open-1")).getOwner(), "amy-2");
  }],
  ["deleteGroup", async () => {
    same(await C.deleteGroup("team-1"), true);
    await refused(C.getGroup("team-1"), "ERR_GUID_NOT_FOUND");
  }],

  // Calls, as signals
  ["initiateCall, onOutgoingCallAccepted, endCall", async () => {
    const call = await C.initiateCall(new C.Call("amy-2", "video", "user"));
    check(call.getSessionId(), "no session");
    same([(await bot("event", "IncomingCall")).session_id, call.getAction()], [call.getSessionId(), "initiated"]);
    await peer("PUT", `calls/${call.getSessionId()}`, { status: "ongoing" });
    same((await seen("onOutgoingCallAccepted"))[0].getSessionId(), call.getSessionId());
    same((await C.endCall(call.getSessionId())).getAction(), "ended");
    same((await bot("event", "CallEnded")).session_id, call.getSessionId());
  }],
  ["onOutgoingCallRejected", async () => {
    const call = await C.initiateCall(new C.Call("amy-2", "audio", "user"));
    await bot("event", "IncomingCall");
    await peer("PUT", `calls/${call.getSessionId()}`, { status: "rejected" });
    same((await seen("onOutgoingCallRejected"))[0].getAction(), "rejected");
  }],
  ["rejectCall: cancelled", async () => {
    const call = await C.initiateCall(new C.Call("amy-2", "audio", "user"));
    await bot("event", "IncomingCall");
    same((await C.rejectCall(call.getSessionId(), "cancelled")).getAction(), "cancelled");
    same((await bot("event", "IncomingCallCancelled")).session_id, call.getSessionId());
  }],
  ["sendUnansweredResponse", async () => {
    const call = await C.initiateCall(new C.Call("amy-2", "audio", "user"));
    await bot("event", "IncomingCall");
    same((await C.sendUnansweredResponse(call.getSessionId())).getAction(), "unanswered");
    await bot("event", "IncomingCallCancelled");
    C.clearActiveCall();
  }],
  ["onIncomingCallReceived, acceptCall, onCallEndedMessageReceived", async () => {
    const data = await peer("POST", "calls", { receiver: "zed-1", receiverType: "user", type: "audio" });
    const [call] = await seen("onIncomingCallReceived");
    same([call.getSessionId(), call.getCallInitiator().getUid()], [data.data.entities.on.entity.sessionid, "amy-2"]);
    same((await C.acceptCall(call.getSessionId())).getAction(), "ongoing");
    same((await bot("event", "OutgoingCallAccepted")).session_id, call.getSessionId());
    same(C.getActiveCall().getSessionId(), call.getSessionId());
    await peer("PUT", `calls/${call.getSessionId()}`, { status: "ended" });
    await seen("onCallEndedMessageReceived");
    C.clearActiveCall();
  }],
  ["rejectCall: busy, and rejected", async () => {
    for (const [status, kind] of [["busy", "OutgoingCallRejected"], ["rejected", "OutgoingCallRejected"]]) {
      await peer("POST", "calls", { receiver: "zed-1", receiverType: "user", type: "audio" });
      const [call] = await seen("onIncomingCallReceived");
      same((await C.rejectCall(call.getSessionId(), status)).getAction(), status);
      same((await bot("event", kind)).session_id, call.getSessionId());
    }
  }],
  ["onIncomingCallCancelled", async () => {
    const data = await peer("POST", "calls", { receiver: "zed-1", receiverType: "user", type: "audio" });
    await seen("onIncomingCallReceived");
    await peer("PUT", `calls/${data.data.entities.on.entity.sessionid}`, { status: "cancelled" });
    await seen("onIncomingCallCancelled");
  }],
  ["a call of a group", async () => {
    const call = await C.initiateCall(new C.Call("hikers", "video", "group"));
    same((await bot("event", "IncomingCall")).receiver.guid, "hikers");
    await C.endCall(call.getSessionId());
    await bot("event", "CallEnded");
  }],
  ["calls are in the history", async () => {
    const found = await withAmy().setCategories(["call"]).build().fetchPrevious();
    check(found.length >= 8 && found.every((message) => message.getCategory() === "call"), `${found.length} calls`);
  }],

  // Notifications
  ["registerPushToken, unregisterPushToken", async () => {
    await CometChatNotifications.registerPushToken("token", "web", "provider");
    await CometChatNotifications.unregisterPushToken();
  }],
  ["fetchPreferences, updatePreferences", async () => {
    const preferences = await CometChatNotifications.fetchPreferences();
    const changed = new CometChatNotifications.NotificationPreferences();
    const oneOnOne = new CometChatNotifications.OneOnOnePreferences();
    oneOnOne.setMessagesPreference(1);
    changed.setOneOnOnePreferences(oneOnOne);
    same((await CometChatNotifications.updatePreferences(changed)).getOneOnOnePreferences().getMessagesPreference(), 1);
    await CometChatNotifications.resetPreferences();
    check(preferences, "no preferences");
  }],
  ["muteConversations, unmuteConversations", async () => {
    const muted = new CometChatNotifications.MutedConversation();
    muted.setId("amy-2");
    muted.setType("oneOnOne");
    muted.setUntil(Date.now() + 60000);
    await CometChatNotifications.muteConversations([muted]);
    same((await CometChatNotifications.getMutedConversations()).map((each) => each.getId()), ["amy-2"]);
    const unmuted = new CometChatNotifications.UnmutedConversation();
    unmuted.setId("amy-2");
    unmuted.setType("oneOnOne");
    await CometChatNotifications.unmuteConversations([unmuted]);
    same(await CometChatNotifications.getMutedConversations(), []);
  }],
  ["updateTimezone, getTimezone", async () => {
    await CometChatNotifications.updateTimezone("Europe/Rome");
    same((await CometChatNotifications.getTimezone()).timezone, "Europe/Rome");
  }],

  // The end
  ["disconnect, connect", async () => {
    C.disconnect();
    await bot("event", "UserOffline", { uid: "zed-1" });
    C.connect();
    await bot("event", "UserOnline", { uid: "zed-1" });
    await bot("text", "after connect()", "zed-1", null);
    same((await seen("onTextMessageReceived"))[0].getText(), "after connect()");
  }],
  ["a lost connection: onDisconnected, inConnecting, onConnected", async () => {
    await bot("drop", "zed-1");
    await seen("onDisconnected");
    await new Promise((done) => setTimeout(done, 3000));
    await seen("inConnecting");
    await seen("onConnected");
  }],
  ["logout", async () => {
    await C.logout();
    await seen("logoutSuccess");
    same(await C.getLoggedinUser(), null);
  }],
];

window.stepNames = steps.map(([name]) => name);
window.runStep = async (number) => {
  try {
    // A step must not find what an earlier one left: "connect()" once found the login's UserOnline, and sent too early.
    calls.length = 0;
    await bot("forget");
    await steps[number][1]();
    return null;
  } catch (error) {
    return error instanceof Error ? `${error.message}` : JSON.stringify(error);
  }
};
