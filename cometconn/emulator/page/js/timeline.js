// The picture of what a user's connections did, drawn by the server and renewed while it is looked at.
//
// A server with thousands of entries takes 0.05 s for a drawing, in which it does nothing else. So it is drawn again when
// something happened, or when it has moved by a pixel, and never for more than a tenth of the time.

import { h } from "./dom.js";
import { ControlError, get } from "./api.js";

const policy = globalThis.trustedTypes?.createPolicy("timeline", { createHTML: (text) => text });
const LOOK = 100; // ms: how often it is decided whether to draw
const AT_ONCE = 300; // ms from one drawing to the next when something happened
const EVERY = 1_000; // ms from one drawing to the next when nothing did, if a pixel is not longer
const SHARE = 9; // so many times as long as a drawing took is none

export class TimelinePanel {
  panel = h("div");
  #model;
  #shown = false;
  #drawing = false;
  #news = false;
  #ended = 0; // when the last drawing was there, in ms
  #took = 0; // ms from its request
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
    this.#span.addEventListener("change", () => this.#now());
    model.addEventListener("selection", () => this.#now());
    model.addEventListener("entries", ({ detail }) => (this.#news ||= detail.some((entry) => this.#concerns(entry))));
    setInterval(() => this.#look(), LOOK);
  }

  show(isShown) {
    this.#shown = isShown;
    this.#now();
  }

  #concerns(entry) {
    const { selected } = this.#model;
    return selected !== null && (entry.connection === selected || entry.uid === this.#model.connection(selected)?.uid);
  }

  /** Draw what is chosen now, whatever was drawn before. */
  #now() {
    this.#news = true;
    this.#ended = -Infinity;
    this.#look();
  }

  #look() {
    if (!this.#shown || this.#drawing || document.hidden || !this.#model.state) return;
    const pixel = (Number(this.#span.value) * 1_000) / this.#width();
    const pause = Math.max(this.#news ? AT_ONCE : Math.max(EVERY, pixel), SHARE * this.#took);
    if (performance.now() - this.#ended >= pause) this.#draw();
  }

  async #draw() {
    const began = performance.now();
    this.#drawing = true;
    this.#news = false;
    this.#ended = began;
    await this.#renew();
    this.#drawing = false;
    if (this.#ended !== began) return; // something else was chosen meanwhile: at once
    this.#ended = performance.now();
    this.#took = this.#ended - began;
  }

  async #renew() {
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
