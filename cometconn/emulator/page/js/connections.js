// The list of connections: the users that are connected, and since when.

import { $, duration, h, onFrame, setText, thousands } from "./dom.js";
import { endOf, statusOf } from "./model.js";
import { VirtualList } from "./virtual_list.js";

const EVERYTHING = { number: "all" };

export function showConnections(model) {
  const search = $("connections-search");
  const list = new VirtualList($("connections"), {
    label: "Connections",
    rowHeight: () => 30,
    key: (connection) => connection.number,
    pick: (connection) => model.select(connection === EVERYTHING ? null : connection.number),
    draw: (connection, row) => drawConnection(model, connection, row),
  });

  const show = onFrame(() => {
    const found = model.list(search.value);
    list.set(found.length || !search.value ? [EVERYTHING, ...found] : [], nothingFound(search.value));
    list.mark(model.selected ?? "all");
    setText($("connections-count"), `${thousands(model.open)} open`);
  });
  search.addEventListener("input", show);
  model.addEventListener("connections", show);
  model.addEventListener("selection", show);
  setInterval(() => list.paint(), 1000); // the durations
}

function nothingFound(words) {
  return h("p", {}, h("strong", {}, "No such connection"), `Nothing is like “${words}”.`);
}

function drawConnection(model, connection, row) {
  if (connection === EVERYTHING) {
    row.className = "row connection";
    if (row.dataset.text !== "all") {
      row.dataset.text = "all";
      row.replaceChildren(h("span"), h("b", {}, "All connections"), h("span", { class: "dim" }));
    }
    return;
  }
  const status = statusOf(connection);
  const time = status === "ended" ? `${endOf(connection)}` : duration(model.now() - connection.since);
  const text = `${connection.uid} ${status} ${time}`;
  if (row.dataset.text === text) return;
  row.dataset.text = text;
  row.className = `row connection ${status}`;
  row.title = `Connection ${connection.number}, ${status}`;
  row.replaceChildren(
    h("span", { class: `lamp ${status}`, "aria-label": status, role: "img" }),
    h("b", {}, connection.uid ?? "not authenticated", h("span", { class: "dim" }, ` #${connection.number}`)),
    h("span", { class: "dim" }, time),
  );
}
