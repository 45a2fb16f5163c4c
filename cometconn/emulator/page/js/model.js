// What this page knows of the server. Events: `connections`, `entries`, `state`, `selection`.

const ENDED_KEPT = 200;

export class Model extends EventTarget {
  state = null;
  controls = [];
  selected = null; // the number of a connection, or null for all
  #connections = new Map();
  #ended = [];
  #offset = 0;

  /** Begin anew with a state of the server. */
  load(state) {
    this.state = state;
    this.#offset = state.wall - state.now;
    this.#connections = new Map();
    this.#ended = [];
    for (const connection of state.ended) this.#end({ ...connection });
    for (const connection of state.connections) this.#connections.set(connection.number, { ...connection });
    if (this.selected !== null && !this.#connections.has(this.selected)) this.selected = null;
    for (const name of ["state", "connections", "selection"]) this.#send(name);
  }

  /** Change a part of the state that a control returned. */
  update(changes) {
    Object.assign(this.state, changes);
    this.#send("state");
  }

  /** Seconds since 1970 of a moment on the clock of the log. */
  wall(at) {
    return at + this.#offset;
  }

  /** The same clock, now. */
  now() {
    return Date.now() / 1000 - this.#offset;
  }

  connection(number) {
    return this.#connections.get(number);
  }

  /** Those that are open first, the newest of each first. */
  list(words = "") {
    const all = [...this.#connections.values()].reverse().sort((one, other) => !!one.until - !!other.until);
    const wanted = words.trim().toLowerCase();
    if (!wanted) return all;
    return all.filter((each) => `${each.uid ?? ""} #${each.number} ${each.device_id ?? ""}`.toLowerCase().includes(wanted));
  }

  get open() {
    return this.#connections.size - this.#ended.length;
  }

  select(number) {
    if (this.selected === number) return;
    this.selected = number;
    this.#send("selection");
  }

  apply(entries) {
    let changed = false;
    for (const entry of entries) changed = this.#apply(entry) || changed;
    if (changed) this.#send("connections");
    this.#send("entries", entries);
  }

  #apply(entry) {
    if (entry.kind === "control") return this.#control(entry);
    if (entry.connection === null) return false;
    if (entry.kind === "connect") {
      if (this.#connections.has(entry.connection)) return false;
      this.#connections.set(entry.connection, { number: entry.connection, uid: null, since: entry.at, path: entry.path });
      return true;
    }
    const connection = this.#connections.get(entry.connection);
    if (!connection) return false;
    const before = `${connection.uid} ${statusOf(connection)}`;
    if (entry.uid !== null) connection.uid = entry.uid;
    if (entry.kind === "frame_in" && entry.frame?.type === "auth") connection.device_id = entry.frame.deviceId;
    if (entry.kind === "upgrade") connection.open = entry.status === 101;
    if (entry.kind === "auth" && entry.outcome === "accepted") connection.authenticated = true;
    if (entry.kind === "gone") this.#end(Object.assign(connection, { until: entry.at, how: entry.how, code: entry.code }));
    return before !== `${connection.uid} ${statusOf(connection)}`;
  }

  #control(entry) {
    if (entry.what !== "drop" || entry.how !== "silent") return false;
    for (const each of this.#connections.values()) {
      const concerned = entry.connection === null ? entry.uid === null || each.uid === entry.uid : each.number === entry.connection;
      if (concerned && !each.until) each.silent = true;
    }
    return true;
  }

  #end(connection) {
    this.#connections.set(connection.number, connection);
    this.#ended.push(connection.number);
    while (this.#ended.length > ENDED_KEPT) {
      const oldest = this.#ended.shift();
      if (oldest === this.selected) this.select(null);
      this.#connections.delete(oldest);
    }
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** One word: `connected`, `connecting`, `silent` or `ended`. */
export function statusOf(connection) {
  if (connection.until) return "ended";
  if (connection.silent) return "silent";
  return connection.authenticated ? "connected" : "connecting";
}

export function endOf(connection) {
  return connection.code === null || connection.code === undefined ? connection.how : `${connection.how} ${connection.code}`;
}
