// Both ends of one connection in one list: what the server saw, and what the client reported, with its lease running down.

import { clock, h, narrow, setText, soon } from "./dom.js";
import { groupOf, isBad, wordsOf } from "./entries.js";
import { VirtualList } from "./virtual_list.js";

const EVERY = 100; // ms

export class BothEnds {
  panel = h("div");
  #model;
  #frames;
  #shown = false;
  #list;
  #left = h("output", { id: "lease-left", role: "timer" }, "–");
  #meter = h("meter", { min: 0, max: 30, value: 0, "aria-label": "Seconds left of the lease" });
  #words = h("span", { id: "lease-words" });
  #lease = null;

  constructor(model, frames) {
    this.#model = model;
    this.#frames = frames;
    const host = h("div", { class: "list", id: "both" });
    this.panel.append(
      h("div", { class: "lease" }, "Lease", this.#left, this.#meter, this.#words),
      h("div", { class: "ends", "aria-hidden": true }, h("span", {}, "Time"), h("span", {}, "Server"), h("span", {}, "Client")),
      host,
    );
    this.#list = new VirtualList(host, {
      label: "Both ends of the connection",
      rowHeight: () => (narrow.matches ? 42 : 24),
      key: (entry) => entry.number,
      pick: (entry) => this.#list.mark(entry.number),
      draw: (entry, row) => this.#row(entry, row),
    });
    const later = soon(() => this.#draw(), 200);
    frames.addEventListener("change", later);
    model.addEventListener("selection", later);
    setInterval(() => this.#tick(), EVERY);
  }

  show(isShown) {
    this.#shown = isShown;
    this.#draw();
  }

  #draw() {
    if (!this.#shown) return;
    const { selected } = this.#model;
    const own = this.#frames.entries.filter((entry) => entry.connection === selected && selected !== null);
    const traces = own.filter((entry) => entry.kind === "trace");
    this.#lease = leaseOf(traces);
    this.#list.set(traces.length ? own.toSorted((one, other) => timeOf(one) - timeOf(other)) : [], this.#nothing());
    this.#tick();
  }

  /** Let the lease run down. */
  #tick() {
    if (!this.#shown) return;
    const lease = this.#lease;
    setText(this.#words, lease?.words ?? "");
    if (lease?.deadline === undefined) {
      setText(this.#left, "–");
      this.#meter.value = 0;
      return;
    }
    const left = Math.max(0, lease.deadline - this.#model.now());
    this.#meter.max = lease.whole;
    this.#meter.value = left;
    setText(this.#left, `${left.toFixed(1)} s left`);
  }

  #nothing() {
    if (this.#model.selected === null) return h("p", {}, h("strong", {}, "No connection is chosen"), "Choose one on the left.");
    const node = h("p", {}, h("strong", {}, "This client does not report its side"), "A client of cometconn does with this hook:");
    node.append(h("code", {}, `from cometconn.instrumentation import console_hook\n\ncometconn.open_client(..., hooks=[console_hook("${location.origin}")])`));
    return node;
  }

  #row(entry, row) {
    if (row.dataset.text) return; // an entry never changes
    row.dataset.text = "drawn";
    row.className = "row both";
    const words = h("span", { class: isBad(entry) ? "bad" : entry.kind === "trace" ? "client" : "" }, wordsOf(entry));
    const kind = ["frames", "pings"].includes(groupOf(entry)) ? (entry.kind === "frame_in" ? "in " : "out ") : `${entry.kind.replaceAll("_", " ")} `;
    if (entry.kind !== "trace") words.prepend(h("span", { class: "dim" }, kind));
    row.replaceChildren(h("span", { class: "dim" }, clock(this.#model.wall(timeOf(entry)))), ...(entry.kind === "trace" ? [h("span"), words] : [words, h("span")]));
  }
}

/** When something happened on the clock of the log. A client's report comes a moment later than what it is about. */
function timeOf(entry) {
  return entry.kind === "trace" ? entry.happened : entry.at;
}

/** The last deadline that the client reported: when it is, how long it was then; or why there is none. */
function leaseOf(traces) {
  const last = traces.findLast((entry) => ["DeadlineMoved", "LeaseEnded", "ConnectionLost"].includes(entry.detail));
  if (!last) return { words: "no deadline" };
  if (last.detail !== "DeadlineMoved") return { words: last.words };
  if (last.fields.left === null) return { words: "no deadline" };
  return { deadline: last.happened + last.fields.left, whole: Math.max(last.fields.left, 0.1), words: last.words };
}
