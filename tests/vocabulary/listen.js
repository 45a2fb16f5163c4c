// Push frames into one of CometChat's SDKs and print which listeners it calls. No network: the socket and every
// answer are stand-ins, so what is seen is what the SDK does with a frame.
//   node listen.js BUNDLE < '[frame, ...]'   ->   '[["MessageListener.onTextMessageReceived"], ...]'
"use strict";

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");

const USER = {
  uid: "zed-1", name: "Zed One", role: "default", status: "online", jwt: "made-up", authToken: "made-up",
  settings: {
    CHAT_HOST: "127.0.0.1", CHAT_WSS_PORT: "443", CHAT_API_VERSION: "v3.0", CLIENT_API_HOST: "client.test",
    ADMIN_API_HOST: "admin.test", ANALYTICS_PING_DISABLED: true, APP_VERSION: "4", MODE: "DEFAULT",
  },
};

class Storage {
  items = new Map();
  getItem(key) { return this.items.get(key) ?? null; }
  setItem(key, value) { this.items.set(key, String(value)); }
  removeItem(key) { this.items.delete(key); }
  clear() { this.items.clear(); }
  key(number) { return [...this.items.keys()][number] ?? null; }
  get length() { return this.items.size; }
}

let socket = null;
let connected;
const open = new Promise((resolve) => { connected = resolve; });
class Socket {
  static CONNECTING = 0; static OPEN = 1; static CLOSING = 2; static CLOSED = 3;
  readyState = 0;
  constructor() {
    socket = this;
    setImmediate(() => { this.readyState = 1; this.onopen({}); connected(); });
  }
  send() {}
  close() {}
}

async function answer() {
  const text = JSON.stringify({ data: USER });
  return { ok: true, status: 200, headers: new Map(), json: async () => JSON.parse(text), text: async () => text };
}

const nothing = () => {};
const element = { style: {}, setAttribute: nothing, appendChild: nothing };
const browser = {
  window: globalThis, self: globalThis, WebSocket: Socket, fetch: answer,
  localStorage: new Storage(), sessionStorage: new Storage(),
  navigator: { userAgent: "node", onLine: true },
  location: { origin: "https://app.test", href: "https://app.test/", hostname: "app.test" },
  document: {
    addEventListener: nothing, createElement: () => element, querySelector: () => null, querySelectorAll: () => [],
    getElementById: () => null, cookie: "", head: element, body: element,
  },
  addEventListener: nothing, removeEventListener: nothing,
};
for (const [name, value] of Object.entries(browser)) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

// What the React Native SDK asks for.
const kept = new Storage();
const keep = Object.fromEntries(
  ["getItem", "setItem", "removeItem", "clear"].map((name) => [name, async (...given) => kept[name](...given)]),
);
const phone = {
  "@react-native-async-storage/async-storage": { __esModule: true, default: keep },
  "react-native": {
    AppState: { addEventListener: () => ({ remove: nothing }), currentState: "active" },
    Platform: { OS: "android", Version: 33 }, NativeModules: {}, Dimensions: { get: () => ({}) },
    StyleSheet: { create: (sheet) => sheet },
  },
  react: { Component: class {}, createElement: nothing },
};
const load = Module._load;
Module._load = (name, ...rest) => phone[name] ?? load(name, ...rest);

// An SDK says much, and a frame that it cannot read may make it throw: neither is what is asked here.
for (const name of ["log", "info", "warn", "error", "debug"]) console[name] = nothing;
process.on("uncaughtException", nothing);

async function main() {
  const frames = JSON.parse(fs.readFileSync(0, "utf8"));
  const { CometChat } = require(path.resolve(process.argv[2]));
  await CometChat.init("app0probe", new CometChat.AppSettingsBuilder().setRegion("eu").build());
  await CometChat.login("made-up");
  await open;
  const called = [];
  for (const method of Object.getOwnPropertyNames(CometChat)) {
    const kind = /^add(\w+Listener)$/.exec(method)?.[1];
    if (!kind || !CometChat[kind]) continue;
    const every = new Proxy({}, { get: (_, name) => () => called.push(`${kind}.${String(name)}`) });
    CometChat[method](kind, new CometChat[kind](every));
  }
  const heard = [];
  for (const frame of frames) {
    called.length = 0;
    socket.onmessage({ data: JSON.stringify(frame) });
    await new Promise(setImmediate);
    heard.push([...called]);
  }
  fs.writeSync(1, JSON.stringify(heard));
}

main().then(() => process.exit(0), (error) => {
  fs.writeSync(2, `${error?.stack ?? JSON.stringify(error)}\n`);
  process.exit(1);
});
