// The log of the server as it grows. Events: `entries`, `gone`, `back`, and `reset` when what is known is no longer right.

const SILENCE = 12_000; // ms: more than two heartbeats of the server
const RETRY = 1_000; // ms

export class Live extends EventTarget {
  #source = null;
  #server = null;
  #next = null;
  #timer = 0;

  constructor() {
    super();
    // A browser opens six connections to a server: hidden pages must not hold them. They resume where they were.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && this.#source) this.#close();
      else if (!document.hidden && !this.#source && this.#next !== null) this.#open();
    });
  }

  /** Follow the log from this entry on. */
  start(position) {
    this.#next = position;
    this.#server = null;
    this.#open();
  }

  #open() {
    this.#source?.close();
    const source = new EventSource(`/control/events?since=${this.#next}`);
    this.#source = source;
    const on = (name, take) =>
      source.addEventListener(name, (event) => {
        if (source !== this.#source) return;
        this.#watch();
        take(JSON.parse(event.data));
      });
    on("hello", (hello) => {
      this.#send("back");
      if (this.#server !== null && this.#server !== hello.server) this.#reset("The server was started again.");
      this.#server = hello.server;
    });
    on("entries", (entries) => {
      this.#next = entries.at(-1).number + 1;
      this.#send("entries", entries);
    });
    on("lost", ({ lost }) => this.#reset(`${lost} entries were dropped from the log before this page had them.`));
    on("beat", () => {});
    source.addEventListener("error", () => {
      if (source !== this.#source) return;
      this.#send("gone");
      if (source.readyState === EventSource.CLOSED) this.#later(RETRY);
    });
    this.#watch();
  }

  /** Connect again when the server gives no sign of life. */
  #watch() {
    this.#later(SILENCE, () => this.#send("gone"));
  }

  #later(delay, first = () => {}) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      first();
      this.#open();
    }, delay);
  }

  #reset(why) {
    this.#close();
    this.#next = null;
    this.#send("reset", why);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
