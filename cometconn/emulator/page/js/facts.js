// What is known of the chosen connection, in one line: user, time, pings, close codes.

import { $, clock, duration, h, setText, soon, thousands } from "./dom.js";
import { endOf, statusOf } from "./model.js";

export function showFacts(model, frames) {
  const show = () => {
    const connection = model.selected === null ? null : model.connection(model.selected);
    setText($("detail-title"), connection ? `${connection.uid ?? "Not authenticated"}, connection ${connection.number}` : "All connections");
    const facts = connection ? ofConnection(model, connection, frames.entries) : ofServer(model, frames.entries);
    fill($("facts"), facts);
  };
  const later = soon(show, 200);
  model.addEventListener("selection", show);
  model.addEventListener("connections", later);
  frames.addEventListener("change", later);
  setInterval(show, 1000);
}

function ofServer(model, entries) {
  if (!model.state) return [];
  return [
    ["Open", String(model.open)],
    ["Users", thousands(model.state.users.length)],
    ["Groups", String(model.state.groups.length)],
    ["Entries here", thousands(entries.length)],
    ["Server's clock", model.state.clock_ahead ? `${model.state.clock_ahead} s ahead` : "right"],
  ];
}

function ofConnection(model, connection, entries) {
  const status = statusOf(connection);
  const until = connection.until ?? model.now();
  const own = entries.filter((entry) => entry.connection === connection.number);
  const pings = pingsOf(own);
  const closes = own.filter((entry) => entry.kind === "close_in" || entry.kind === "close_out");
  const code = (kind) => closes.find((entry) => entry.kind === kind)?.code;
  const facts = [
    ["Status", status === "ended" ? `ended: ${endOf(connection)}` : status],
    ["Since", `${clock(model.wall(connection.since), { millis: false })}, ${duration(until - connection.since)}`],
    ["In / out", `${count(own, "frame_in")} / ${count(own, "frame_out")}`],
    ["Pings", pings.sent ? `${pings.sent}${pings.every ? `, every ${duration(pings.every)}` : ""}` : "none"],
    ["Answered in", pings.answered === null ? "–" : duration(pings.answered)],
    ["Round trip", pings.roundTrip === null ? "–" : duration(pings.roundTrip)],
  ];
  if (closes.length) facts.push(["Close codes", `client ${code("close_in") ?? "–"}, server ${code("close_out") ?? "–"}`]);
  if (connection.device_id) facts.push(["Device", connection.device_id]);
  return facts;
}

/** Pings of a connection: how many, how far apart, how fast the last was answered, and its round trip if the client reported it. */
function pingsOf(entries) {
  let sent = 0;
  let before = null;
  let every = null;
  let open = null;
  let answered = null;
  let roundTrip = null;
  for (const entry of entries) {
    if (entry.kind === "frame_in" && entry.frame?.action === "ping") {
      sent += 1;
      if (before !== null) every = entry.at - before;
      before = open = entry.at;
    } else if (entry.kind === "frame_out" && entry.frame?.action === "pong" && open !== null) {
      answered = entry.at - open;
      open = null;
    } else if (typeof entry.fields?.round_trip === "number") {
      roundTrip = entry.fields.round_trip;
    }
  }
  return { sent, every, answered, roundTrip };
}

function count(entries, kind) {
  return entries.filter((entry) => entry.kind === kind).length;
}

function fill(host, facts) {
  while (host.children.length > facts.length) host.lastChild.remove();
  facts.forEach(([name, value], index) => {
    const row = host.children[index] ?? host.appendChild(h("div", {}, h("dt"), h("dd", { class: "mono" })));
    setText(row.firstChild, name);
    setText(row.lastChild, value);
  });
}
