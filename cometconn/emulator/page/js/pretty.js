// JSON with indentation and colours, as nodes.

import { h } from "./dom.js";

export function pretty(value) {
  const nodes = [];
  write(value, "", nodes);
  return nodes;
}

function write(value, indent, nodes) {
  if (value !== null && typeof value === "object") {
    const isList = Array.isArray(value);
    const entries = Object.entries(value);
    const [open, close] = isList ? "[]" : "{}";
    if (!entries.length) {
      nodes.push(open + close);
      return;
    }
    nodes.push(open);
    entries.forEach(([name, item], index) => {
      nodes.push(`${index ? "," : ""}\n${indent}  `);
      if (!isList) nodes.push(h("span", { class: "key" }, JSON.stringify(name)), ": ");
      write(item, `${indent}  `, nodes);
    });
    nodes.push(`\n${indent}${close}`);
  } else {
    const kind = typeof value === "string" ? "string" : typeof value === "number" ? "number" : "word";
    nodes.push(h("span", { class: kind }, JSON.stringify(value)));
  }
}
