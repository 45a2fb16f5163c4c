// A list of rows of one height, of which only the visible ones are in the document. A listbox for keyboard and screen reader.

import { h, narrow, onFrame } from "./dom.js";

const BEYOND = 6; // rows drawn above and below the visible ones

export class VirtualList {
  items = [];
  #host;
  #tall = h("div", { class: "tall" });
  #empty = h("div", { class: "empty", hidden: true });
  #rows = new Map();
  #options;
  #current = null;
  #scroller;
  // As of the last scroll or resize: reading them while the list is drawn makes the browser compute the page's layout at once.
  #height = 1_000; // enough for the first rows
  #top = 0;

  /** `rowHeight()` is in pixels, `draw(item, row)` fills a row, `key(item)` names an item, and `pick(item)` is called for the one that was chosen. */
  constructor(host, { label, rowHeight, key, draw, pick, follow = () => false }) {
    this.#host = host;
    this.#options = { rowHeight, key, draw, pick, follow };
    host.setAttribute("role", "listbox");
    host.setAttribute("aria-label", label);
    host.tabIndex = 0;
    host.append(this.#tall, this.#empty);
    this.#scroller = onFrame(() => this.paint());
    const look = () => {
      this.#height = host.clientHeight;
      this.#top = host.scrollTop;
      this.#scroller();
    };
    host.addEventListener("scroll", look, { passive: true });
    host.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(look).observe(host);
    narrow.addEventListener("change", this.#scroller);
  }

  /** Show these items; `empty` is a node for when there are none. */
  set(items, empty) {
    this.items = items;
    if (empty) this.#empty.replaceChildren(empty);
    this.#scroller();
  }

  /** Mark the item with this key as chosen. */
  mark(key) {
    this.#current = key;
    this.#scroller();
  }

  paint() {
    const { key, draw, pick, follow } = this.#options;
    const rowHeight = this.#options.rowHeight();
    const items = this.items;
    this.#empty.hidden = items.length > 0;
    this.#tall.style.height = `${items.length * rowHeight}px`;
    const end = Math.max(0, items.length * rowHeight - this.#height);
    if (follow() && this.#top !== end) this.#host.scrollTop = this.#top = end;
    const top = Math.min(this.#top, end);
    const first = Math.max(0, Math.floor(top / rowHeight) - BEYOND);
    const last = Math.min(items.length, Math.ceil((top + this.#height) / rowHeight) + BEYOND);
    const drawn = this.#rows;
    const unused = new Map(drawn);
    this.#rows = new Map();
    let active = null;
    let before = null;
    for (let index = first; index < last; index++) unused.delete(String(key(items[index])));
    for (const row of unused.values()) row.remove();
    for (let index = first; index < last; index++) {
      const item = items[index];
      const name = String(key(item));
      const row = drawn.get(name) ?? h("div", { class: "row", role: "option", id: `${this.#host.id}-${name}` });
      this.#rows.set(name, row);
      row.onclick = () => pick(item);
      row.style.height = `${rowHeight}px`;
      row.style.transform = `translateY(${index * rowHeight}px)`;
      row.setAttribute("aria-posinset", index + 1);
      row.setAttribute("aria-setsize", items.length);
      const chosen = this.#current !== null && name === String(this.#current);
      row.setAttribute("aria-selected", chosen);
      if (chosen) active = row.id;
      draw(item, row);
      // In the order of the items: a screen reader reads the document, not the positions.
      if (!row.parentNode || row.previousSibling !== before) before ? before.after(row) : this.#tall.prepend(row);
      before = row;
    }
    if (active) this.#host.setAttribute("aria-activedescendant", active);
    else this.#host.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    const { key, pick } = this.#options;
    const rowHeight = this.#options.rowHeight();
    const page = Math.max(1, Math.floor(this.#host.clientHeight / rowHeight) - 1);
    const at = this.items.findIndex((item) => String(key(item)) === String(this.#current));
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at < 0 ? 0 : at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.items.length - 1,
    }[event.key];
    if (to === undefined || !this.items.length) return;
    event.preventDefault();
    const index = Math.min(Math.max(to, 0), this.items.length - 1);
    const top = index * rowHeight;
    if (top < this.#host.scrollTop) this.#host.scrollTop = top;
    if (top + rowHeight > this.#host.scrollTop + this.#host.clientHeight) this.#host.scrollTop = top + rowHeight - this.#host.clientHeight;
    pick(this.items[index]);
  }
}
