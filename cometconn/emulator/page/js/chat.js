// A chat box: send messages as any user to any user or group, as if from another device of that user.

import { clock, h, setText, soon } from "./dom.js";
import { ControlError, get } from "./api.js";

const TYPING_STOPS = 3_000; // ms after the last key
const TYPING_SHOWN = 6_000; // ms after the last indicator

export class ChatPanel {
  panel = h("div");
  #model;
  #controls = {};
  #do;
  #sender = h("input", { id: "chat-sender", list: "uids", autocomplete: "off", spellcheck: "false" });
  #kind = h("select", { id: "chat-kind", "aria-label": "To a user or a group" }, h("option", { value: "receiver" }, "To user"), h("option", { value: "group" }, "To group"));
  #receiver = h("input", { id: "chat-receiver", list: "uids", autocomplete: "off", spellcheck: "false", "aria-label": "Receiver" });
  #receipts = h("input", { id: "chat-receipts", type: "checkbox", checked: true });
  #indicators = h("input", { id: "chat-typing", type: "checkbox", checked: true });
  #messages = h("ul", { class: "messages", role: "log", "aria-label": "Messages" });
  #scroll = h("div", { class: "scroll", tabindex: 0 });
  #typing = h("p", { class: "typing", role: "status" });
  #error = h("p", { class: "chat-error", role: "alert" });
  #text = h("input", { id: "chat-text", placeholder: "Message", "aria-label": "Message", autocomplete: "off" });
  #send = h("button", { class: "main" }, "Send");
  #stopTimer = 0;
  #typists = new Map();
  #marked = 0;
  #isTyping = false;
  #refused = false; // the server has refused these fields: they are not requested again before they change
  #renew = soon(() => this.load(), 100);

  /** `perform(name, given)` calls a control. */
  constructor(model, perform) {
    this.#model = model;
    this.#do = perform;
    this.#scroll.append(this.#messages);
    const composer = h("form", { class: "composer" }, this.#text, this.#send);
    this.panel.append(
      h(
        "div",
        { class: "chat-head" },
        h("label", {}, "As user", this.#sender),
        h("label", {}, this.#kind, this.#receiver),
        h("label", { class: "wide" }, this.#indicators, "Send typing indicators"),
        h("label", { class: "wide" }, this.#receipts, "Mark what comes as read"),
      ),
      this.#scroll,
      this.#typing,
      this.#error,
      composer,
    );
    composer.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#say();
    });
    this.#text.addEventListener("input", () => this.#key());
    this.#kind.addEventListener("change", () => {
      this.#receiver.setAttribute("list", this.#kind.value === "group" ? "guids" : "uids");
      this.#receiver.value = this.#kind.value === "group" ? (model.state.groups[0]?.guid ?? "") : (model.state.users[0]?.uid ?? "");
      this.#changed();
    });
    for (const field of [this.#sender, this.#receiver]) field.addEventListener("change", () => this.#changed());
    this.#receipts.addEventListener("change", this.#renew);
    model.addEventListener("state", () => this.#begin());
    model.addEventListener("entries", ({ detail }) => this.#take(detail));
  }

  #begin() {
    const users = this.#model.state.users;
    if (!this.#sender.value) this.#sender.value = users[1]?.uid ?? users[0]?.uid ?? "";
    if (!this.#receiver.value) this.#receiver.value = users[0]?.uid ?? "";
    this.#allow();
    this.#renew();
  }

  #changed() {
    this.#typists.clear();
    this.#showTyping();
    this.#marked = 0;
    this.#allow();
    this.#renew();
  }

  #allow() {
    this.#refused = false;
    setText(this.#error, "");
  }

  get #to() {
    return { [this.#kind.value]: this.#receiver.value };
  }

  async #say() {
    const text = this.#text.value;
    if (!text) return;
    if (await this.#try("message", { sender: this.#sender.value, ...this.#to, text })) {
      this.#text.value = "";
      clearTimeout(this.#stopTimer);
      await this.#type(false);
      await this.load();
    }
    this.#text.focus();
  }

  #key() {
    clearTimeout(this.#stopTimer);
    this.#stopTimer = setTimeout(() => this.#type(false), TYPING_STOPS);
    if (!this.#isTyping && this.#text.value) this.#type(true);
  }

  async #type(typing) {
    if (this.#isTyping === typing || (typing && !this.#indicators.checked)) return;
    this.#isTyping = typing;
    await this.#try("typing", { sender: this.#sender.value, ...this.#to, typing });
  }

  async #try(name, given) {
    try {
      await this.#do(name, given);
      this.#allow();
      return true;
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      setText(this.#error, error.message);
      return false;
    }
  }

  /** Look for what concerns this conversation among new entries of the log. */
  #take(entries) {
    const me = this.#sender.value;
    for (const entry of entries) {
      const frame = entry.frame;
      if (entry.kind === "frame_in" && frame?.type === "typing_indicator" && entry.uid !== me) {
        const here = this.#kind.value === "group" ? frame.receiver === this.#receiver.value : frame.receiver === me && entry.uid === this.#receiver.value;
        if (here && frame.body?.action === "started") this.#typists.set(entry.uid, Date.now() + TYPING_SHOWN);
        else this.#typists.delete(entry.uid);
        this.#showTyping();
        setTimeout(() => this.#showTyping(), TYPING_SHOWN + 50);
      }
      if (this.#isNews(entry)) this.#renew();
    }
  }

  /** Whether an entry may have changed a message of this conversation. */
  #isNews({ kind, frame, text, method, path, body, status, uid }) {
    if (kind === "rest") {
      if (method === "GET" || status === null || status >= 400) return false;
      const parts = path.split("/");
      if (parts.includes("messages") && parts.some((part) => this.#shows(part))) return true;
      // The log has no body of a form or of a long request, and so no receiver.
      const to = body?.receiver === undefined && path.endsWith("/messages") ? [...this.#sides] : [body?.receiver, ...parts];
      return to.some((each) => this.#isBetween(uid, each));
    }
    if (kind !== "frame_out" && !(kind === "frame_in" && frame?.type === "receipts")) return false;
    if (text) return [...this.#sides].every((side) => text.includes(JSON.stringify(side))); // a long frame, which is cut
    if (!frame || frame.type === "typing_indicator") return false;
    if ((frame.receiverType === "group") !== (this.#kind.value === "group")) return false;
    return this.#isBetween(frame.sender, frame.receiver);
  }

  get #sides() {
    return new Set(this.#kind.value === "group" ? [this.#receiver.value] : [this.#sender.value, this.#receiver.value]);
  }

  /** Whether this is the conversation of these two: in a group any user may be the first one. */
  #isBetween(from, to) {
    const [me, other] = [this.#sender.value, this.#receiver.value];
    return to === other ? this.#kind.value === "group" || from === me : this.#kind.value !== "group" && to === me && from === other;
  }

  #shows(id) {
    return [...this.#messages.children].some((node) => node.dataset.id === id);
  }

  #showTyping() {
    const now = Date.now();
    const typists = [...this.#typists].filter(([, until]) => until > now).map(([uid]) => uid);
    setText(this.#typing, typists.length ? `${typists.join(", ")} ${typists.length === 1 ? "is" : "are"} typing` : "");
  }

  async load() {
    if (this.panel.hidden || this.#refused || !this.#sender.value || !this.#receiver.value) return;
    let messages;
    try {
      messages = await get("conversation", { sender: this.#sender.value, ...this.#to });
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      this.#messages.replaceChildren();
      setText(this.#error, error.message);
      this.#refused = true;
      return;
    }
    this.#draw(messages);
    await this.#markRead(messages);
  }

  async #markRead(messages) {
    const last = messages.findLast((message) => message.sender !== this.#sender.value && message.category === "message");
    if (!this.#receipts.checked || !last || Number(last.id) <= this.#marked) return;
    this.#marked = Number(last.id);
    await this.#try("receipt", { uid: this.#sender.value, message: Number(last.id), mark: "read" });
  }

  #draw(messages) {
    if (this.#typists.delete(messages.at(-1)?.sender)) this.#showTyping();
    const atEnd = this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight < 40;
    if (!messages.length) {
      this.#messages.replaceChildren(h("li", { class: "empty" }, h("strong", {}, "No messages yet"), "Write one below. A bot that is connected as the receiver gets it at once."));
      return;
    }
    const drawn = new Map([...this.#messages.children].map((node) => [node.dataset.id, node]));
    const nodes = messages.map((message) => {
      const text = JSON.stringify([message.data, message.marks, message.deliveredAt, message.readAt, message.deletedAt, this.#sender.value]);
      const known = drawn.get(String(message.id));
      if (known?.dataset.text === text) return known;
      return this.#message(message, text);
    });
    if (nodes.length !== this.#messages.children.length || nodes.some((node, index) => node !== this.#messages.children[index])) {
      this.#messages.replaceChildren(...nodes);
    }
    if (atEnd) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  #message(message, text) {
    const mine = message.sender === this.#sender.value;
    const isAction = message.category === "action";
    const data = message.data ?? {};
    const words = message.deletedAt ? "deleted" : (data.text ?? data.action ?? data.url ?? `${message.category} ${message.type}`);
    const node = h(
      "li",
      { class: `message${mine ? " mine" : ""}${isAction ? " action" : ""}`, "data-id": message.id, "data-text": text },
      String(words),
      h("small", {}, [mine ? "" : message.sender, clock(message.sentAt, { millis: false }), mine ? markOf(message) : ""].filter(Boolean).join(" · ")),
    );
    return node;
  }
}

function markOf(message) {
  if (message.readAt || message.marks?.read) return "read";
  if (message.deliveredAt || message.marks?.delivered) return "delivered";
  return "sent";
}
