// A page that shows any component of CometChat's React UI kit: `show("CometChatUsers", {...})`, or a whole chat.
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { CometChatCalls } from "@cometchat/calls-sdk-javascript";
import { CometChat } from "@cometchat/chat-sdk-javascript";
import * as Kit from "@cometchat/chat-uikit-react";
import "@cometchat/chat-uikit-react/styles";

const {
  CometChatIncomingCall,
  CometChatMessageComposer,
  CometChatMessageHeader,
  CometChatMessageList,
  CometChatProvider,
  CometChatThreadHeader,
  CometChatUIKit,
  UIKitSettingsBuilder,
} = Kit;

/** One conversation, with the thread of a message beside it. */
function Chat({ thread, ...who }) {
  const [edited, setEdited] = useState(null);
  const [quoted, setQuoted] = useState(null);
  const [parent, setParent] = useState(thread ?? null);
  const clear = () => {
    setEdited(null);
    setQuoted(null);
  };
  return (
    <div style={{ display: "flex", height: "100%" }}>
      <div style={{ flex: 2, minWidth: 0, display: "flex", flexDirection: "column" }} data-testid="chat">
        <CometChatMessageHeader {...who} showSearchOption onSearchOptionClicked={() => clicked("search")} onPinnedMessagesClicked={() => clicked("pinned")} />
        <div style={{ flex: 1, minHeight: 0 }}>
          <CometChatMessageList {...who} onThreadRepliesClick={setParent} onEditMessage={setEdited} onReplyMessage={setQuoted} showMarkAsUnreadOption />
        </div>
        <CometChatMessageComposer {...who} messageToEdit={edited} messageToReply={quoted} onClosePreview={clear} onSendButtonClick={undefined} />
      </div>
      {parent && (
        <div style={{ flex: 1, minWidth: 0, display: "flex", flexDirection: "column" }} data-testid="thread">
          <CometChatThreadHeader parentMessage={parent} onClose={() => setParent(null)} />
          <div style={{ flex: 1, minHeight: 0 }}>
            <CometChatMessageList {...who} parentMessageId={Number(parent.getId())} parentMessage={parent} />
          </div>
          <CometChatMessageComposer {...who} parentMessageId={Number(parent.getId())} />
        </div>
      )}
    </div>
  );
}

const components = { ...Kit, Chat };
const clicks = [];
const clicked = (what) => clicks.push(what);
const root = createRoot(document.getElementById("app"));
let shown = 0;

function draw(name, props) {
  const Component = components[name];
  shown += 1;
  root.render(
    <CometChatProvider>
      <CometChatIncomingCall disableSoundForCalls />
      <div style={{ height: "100vh" }} data-testid={name}>
        <Component key={shown} {...props} />
      </div>
    </CometChatProvider>,
  );
}

Object.assign(window, {
  CometChat,
  clicks,
  clicked,
  /** Show a component. *props* is the text of an async function's result: it may make objects of the SDK. */
  show: async (name, props = "{}") => draw(name, await eval(`(async () => (${props}))()`)),
  logIn: async () => {
    const settings = new UIKitSettingsBuilder()
      .setAppId("APP")
      .setRegion("us")
      .setAuthKey("KEY")
      .subscribePresenceForAllUsers()
      .setAdminHost(`${server.host}/v3.0`)
      .setClientHost(`${server.host}/v3.0`)
      .setCallingEnabled(true)
      .setCallAppSettings(new CometChatCalls.CallAppSettingsBuilder().setAppId("APP").setRegion("us").build())
      .build();
    await CometChatUIKit.init(settings);
    return (await CometChatUIKit.login("zed-1")).getUid();
  },
});
