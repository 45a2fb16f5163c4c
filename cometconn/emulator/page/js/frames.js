// The frames and steps of one connection, or of all, as they come.

import { $, announce, clock, copy, h, narrow, onFrame } from "./dom.js";
import { ControlError, get } from "./api.js";
import { directionOf, groupOf, GROUPS, isBad, wordsOf } from "./entries.js";
import { pretty } from "./pretty.js";
import { VirtualList } from "./virtual_list.js";

const KEPT = 10_000; // entries, as many as the server keeps
const RECENT = 1_000; // entries of all connections that are fetched first

export class Frames extends EventTarget {
  panel = h("div");
  entries = [];
  #model;
  #hidden = new Set(["pings"]);
  #found = [];
  #filtered = 0;
  #texts = new WeakMap();
  #list;
  #chosen = null;
  #loading = 0;
  #follow = h("input", { type: "checkbox", checked: true, id: "follow" });
  #search = h("input", { type: "search", placeholder: "Text in the entry", "aria-label": "Search the entries", autocomplete: "off" });
  #direction = h(
    "select",
    { "aria-label": "Direction" },
    h("option", { value: "" }, "both ways"),
    h("option", { value: "in" }, "in"),
    h("option", { value: "out" }, "out"),
  );
  #pretty = h("div", { class: "pretty", hidden: true, role: "region", "aria-label": "The chosen entry" });
  #show = onFrame(() => this.#draw());

  constructor(model) {
    super();
    this.#model = model;
    const chips = GROUPS.map(([name, title]) =>
      h("button", { "aria-pressed": !this.#hidden.has(name), "data-group": name, onclick: (event) => this.#toggle(name, event.currentTarget) }, title),
    );
    const host = h("div", { class: "list", id: "frames" });
    this.panel.append(
      h("div", { class: "pane-tools" }, ...chips, this.#direction, this.#search, h("label", { for: "follow" }, this.#follow, "Follow")),
      host,
      this.#pretty,
    );
    this.#list = new VirtualList(host, {
      label: "Frames and steps",
      rowHeight: () => (narrow.matches ? 42 : 24),
      key: (entry) => entry.number,
      pick: (entry) => this.choose(entry),
      draw: (entry, row) => this.#row(entry, row),
      follow: () => this.#follow.checked,
    });
    host.addEventListener("wheel", (event) => event.deltaY < 0 && (this.#follow.checked = false), { passive: true });
    this.#search.addEventListener("input", () => this.#again());
    this.#direction.addEventListener("change", () => this.#again());
    this.#follow.addEventListener("change", this.#show);
    model.addEventListener("entries", ({ detail }) => this.#add(detail.filter((entry) => this.#concerns(entry))));
    model.addEventListener("selection", () => this.#load());
  }

  choose(entry) {
    this.#chosen = entry;
    this.#list.mark(entry.number);
    this.#follow.checked = this.#follow.checked && entry === this.#found.at(-1);
    const { number, at, ...rest } = entry;
    const text = h("pre", { tabindex: 0 }, ...pretty(rest));
    this.#pretty.hidden = false;
    this.#pretty.replaceChildren(
      h(
        "div",
        { class: "pretty-head" },
        `Entry ${number}, ${clock(this.#model.wall(at))}`,
        h("button", { class: "plain", onclick: (event) => copy(JSON.stringify(rest, null, 2), event.currentTarget) }, "Copy"),
        h("button", { class: "plain", "aria-label": "Close the entry", onclick: () => this.#close() }, "Close"),
      ),
      text,
    );
  }

  #close() {
    this.#pretty.hidden = true;
    this.#chosen = null;
    this.#list.mark(null);
    $("frames").focus();
  }

  /** Fetch what the log has, and go on with what comes meanwhile. */
  async #load() {
    const mine = ++this.#loading;
    const { selected, state } = this.#model;
    this.entries = [];
    this.#pretty.hidden = true;
    this.#chosen = null;
    this.#again();
    let fetched = [];
    try {
      if (selected === null) {
        fetched = await get("log", { since: Math.max(0, state.position - RECENT) });
      } else {
        const uid = this.#model.connection(selected)?.uid;
        const [own, others] = await Promise.all([get("log", { connection: selected }), uid ? get("log", { uid }) : []]);
        fetched = [...own, ...others.filter((entry) => entry.connection === null)];
        fetched.sort((one, other) => one.number - other.number);
      }
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      announce(error.message);
    }
    if (mine !== this.#loading) return;
    const last = fetched.at(-1)?.number ?? -1;
    this.entries = [...fetched, ...this.entries.filter((entry) => entry.number > last)];
    this.#again();
    this.dispatchEvent(new Event("change"));
  }

  #concerns(entry) {
    const { selected } = this.#model;
    if (selected === null || entry.connection === selected) return true;
    return entry.connection === null && entry.uid !== null && entry.uid === this.#model.connection(selected)?.uid;
  }

  #add(entries) {
    const last = this.entries.at(-1)?.number ?? -1;
    const fresh = entries.filter((entry) => entry.number > last);
    if (!fresh.length) return;
    this.entries.push(...fresh);
    if (this.entries.length > KEPT * 1.2) {
      this.entries.splice(0, this.entries.length - KEPT);
      this.#again();
    }
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  #toggle(name, button) {
    if (!this.#hidden.delete(name)) this.#hidden.add(name);
    button.setAttribute("aria-pressed", !this.#hidden.has(name));
    this.#again();
  }

  /** Filter all entries once more. */
  #again() {
    this.#found = [];
    this.#filtered = 0;
    this.#show();
  }

  #wanted(entry) {
    if (this.#hidden.has(groupOf(entry))) return false;
    if (this.#direction.value && directionOf(entry) !== this.#direction.value) return false;
    const words = this.#search.value.trim().toLowerCase();
    if (!words) return true;
    let text = this.#texts.get(entry);
    if (text === undefined) this.#texts.set(entry, (text = JSON.stringify(entry).toLowerCase()));
    return text.includes(words);
  }

  #draw() {
    for (; this.#filtered < this.entries.length; this.#filtered++) {
      const entry = this.entries[this.#filtered];
      if (this.#wanted(entry)) this.#found.push(entry);
    }
    this.#list.set(this.#found, this.#nothing());
  }

  #nothing() {
    if (this.entries.length) {
      return h("p", {}, h("strong", {}, "Nothing to show"), `${this.entries.length} entries are hidden by the filters above.`);
    }
    const node = h("p", {}, h("strong", {}, "Nothing has happened yet"), "Connect a client to this server:");
    node.append(
      h(
        "code",
        {},
        `chat = cometconn.open_client("${this.#model.state?.app_id ?? "APP"}", AppSettings(),\n    endpoints=Endpoints.at("${location.origin}/v3.0"))`,
      ),
    );
    return node;
  }

  #row(entry, row) {
    if (row.dataset.text) return; // an entry never changes
    row.dataset.text = "drawn";
    const direction = directionOf(entry);
    const all = this.#model.selected === null;
    row.className = `row frame${all ? " all" : ""}`;
    const kind = groupOf(entry) === "frames" || groupOf(entry) === "pings" ? "frame" : entry.kind.replace("_in", "").replace("_out", "");
    row.replaceChildren(
      h("span", { class: "dim" }, clock(this.#model.wall(entry.at))),
      h("span", { class: direction }, direction),
      h("span", { class: "dim" }, kind),
      ...(all ? [h("span", { class: "dim" }, entry.connection === null ? (entry.uid ?? "") : `${entry.uid ?? ""} #${entry.connection}`)] : []),
      h("span", { class: isBad(entry) ? "bad" : "" }, wordsOf(entry)),
    );
  }
}
