// The page of the local server: loads its state, follows its log, and puts the parts together.

import { $, announce, h, nextFrame, setText } from "./dom.js";
import { call, ControlError, get } from "./api.js";
import { keepSelection } from "./address.js";
import { BothEnds } from "./both_ends.js";
import { ChatPanel } from "./chat.js";
import { ControlsPanel } from "./controls.js";
import { showConnections } from "./connections.js";
import { showFacts } from "./facts.js";
import { Frames } from "./frames.js";
import { Live } from "./live.js";
import { Model } from "./model.js";
import { showRecorder } from "./recorder.js";
import { makeTabs } from "./tabs.js";
import { TimelinePanel } from "./timeline.js";

const RETRY = 1_000; // ms

const model = new Model();
const live = new Live();
const frames = new Frames(model);
const timeline = new TimelinePanel(model);
const both = new BothEnds(model, frames);
const controls = new ControlsPanel(model);
const chat = new ChatPanel(model, perform);

keepSelection(model);
showConnections(model);
showFacts(model, frames);
showRecorder(model, perform);
makeTabs(
  $("detail-tabs"),
  $("detail-panels"),
  "The chosen connection",
  [
    ["frames", "Frames", frames.panel],
    ["both", "Both ends", both.panel],
    ["timeline", "Timeline", timeline.panel],
  ],
  (name) => {
    both.show(name === "both");
    timeline.show(name === "timeline");
  },
);
makeTabs(
  $("side-tabs"),
  $("side-panels"),
  "Act on the server",
  [
    ["controls", "Controls", controls.panel],
    ["chat", "Chat", chat.panel],
  ],
  (name) => name === "chat" && model.state && chat.load(),
);

setText($("address"), location.host);
model.addEventListener("state", showState);
model.addEventListener("controlled", ({ detail }) => learn(detail.control.name, detail.result));
model.addEventListener("entries", ({ detail }) => {
  if (detail.some((entry) => entry.kind === "control" && ["set", "heal", "set_clock"].includes(entry.what))) refresh();
});
live.addEventListener("entries", ({ detail }) => model.apply(detail));
live.addEventListener("gone", () => showLive("gone", "Server gone"));
live.addEventListener("back", () => showLive("connected", "Live"));
live.addEventListener("reset", ({ detail }) => {
  announce(detail);
  start();
});
start();

/** Load the whole state and follow the log from there; try again until the server is there. */
async function start() {
  try {
    const [state, described] = await Promise.all([get("state"), get("controls")]);
    model.controls = described;
    model.load(state);
    live.start(state.position);
    await nextFrame(); // the lists are shown before the many buttons are made
    controls.make(described);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    showLive("gone", "Server gone");
    setTimeout(start, RETRY);
  }
}

async function perform(name, given) {
  const control = model.controls.find((each) => each.name === name);
  const result = await call(control, given);
  learn(name, result);
  return result;
}

/** Take over what a control returned about the state. */
function learn(name, result) {
  if (name === "record") model.update({ recording: result });
  if (["set", "heal", "set_clock"].includes(name)) refresh();
}

async function refresh() {
  try {
    const { faults, clock_ahead: ahead, recording } = await get("state");
    model.update({ faults, clock_ahead: ahead, recording });
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
  }
}

function showState() {
  const { faults, users, groups } = model.state;
  $("faults").replaceChildren(...Object.entries(faults).map(([name, value]) => h("span", { class: "chip" }, `${name}: ${value}`)));
  fillList($("uids"), users.map((user) => user.uid));
  fillList($("guids"), groups.map((group) => group.guid));
}

function fillList(list, values) {
  if (list.dataset.values === values.join()) return;
  list.dataset.values = values.join();
  list.replaceChildren(...values.map((value) => h("option", { value })));
}

function showLive(status, words) {
  $("live").firstElementChild.className = `lamp ${status}`;
  setText($("live-words"), words);
  const banner = $("banner");
  banner.hidden = status !== "gone";
  setText(banner, status === "gone" ? "The server is gone. This page comes back by itself when the server does." : "");
}
