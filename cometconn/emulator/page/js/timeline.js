// The picture of what a user's connections did, drawn by the server and renewed while it is looked at.

import { h, soon } from "./dom.js";
import { ControlError, get } from "./api.js";

const policy = globalThis.trustedTypes?.createPolicy("timeline", { createHTML: (text) => text });
const EVERY = 1_000; // ms

export class TimelinePanel {
  panel = h("div");
  #model;
  #shown = false;
  #picture = h("div", { class: "timeline scroll", role: "region", "aria-label": "Timeline", tabindex: 0 });
  #span = h(
    "select",
    { id: "timeline-span" },
    ...[
      [60, "the last minute"],
      [300, "the last 5 minutes"],
      [3600, "the last hour"],
      [86400, "the last day"],
    ].map(([value, words]) => h("option", { value }, words)),
  );

  constructor(model) {
    this.#model = model;
    this.panel.append(h("div", { class: "timeline-tools" }, h("label", { for: "timeline-span" }, "Show"), this.#span), this.#picture);
    this.#span.addEventListener("change", () => this.draw());
    model.addEventListener("selection", () => this.draw());
    model.addEventListener("entries", soon(() => this.draw(), 300));
    setInterval(() => this.draw(), EVERY);
  }

  show(isShown) {
    this.#shown = isShown;
    this.draw();
  }

  async draw() {
    if (!this.#shown || document.hidden || !this.#model.state) return;
    const selected = this.#model.selected;
    const uid = selected === null ? null : this.#model.connection(selected)?.uid;
    if (!uid) {
      this.#empty("No user is chosen", "Choose the connection of a user on the left: its timeline draws itself here.");
      return;
    }
    try {
      const text = await get("timeline", { uid, seconds: this.#span.value, width: this.#width(), styled: false });
      if (selected !== this.#model.selected) return;
      const parsed = new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "image/svg+xml");
      this.#picture.replaceChildren(document.importNode(parsed.documentElement, true));
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      this.#empty("There is no timeline", error.message);
    }
  }

  #width() {
    return Math.min(Math.max(this.#picture.clientWidth - 24, 600), 4000);
  }

  #empty(title, words) {
    if (this.#picture.firstChild?.dataset?.title === title) return;
    this.#picture.replaceChildren(h("p", { class: "empty", "data-title": title }, h("strong", {}, title), words));
  }
}
