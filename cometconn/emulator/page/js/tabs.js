// Tabs with the keyboard of the ARIA authoring practices: arrows move, the chosen tab is the only one in the tab order.

import { h } from "./dom.js";

/** Fill `bar` and `host`; each tab is `[name, title, panel]`. `shown(name)` is called when one is chosen. */
export function makeTabs(bar, host, label, tabs, shown = () => {}) {
  bar.setAttribute("role", "tablist");
  bar.setAttribute("aria-label", label);
  const buttons = tabs.map(([name, title, panel]) => {
    panel.id = `panel-${name}`;
    panel.classList.add("panel");
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `tab-${name}`);
    return h("button", { id: `tab-${name}`, role: "tab", "aria-controls": panel.id, onclick: () => choose(name) }, title);
  });
  bar.append(...buttons);
  host.append(...tabs.map(([, , panel]) => panel));
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = buttons.findIndex((button) => button.getAttribute("aria-selected") === "true");
    const next = (at + step + tabs.length) % tabs.length;
    choose(tabs[next][0]);
    buttons[next].focus();
  });

  function choose(name) {
    tabs.forEach(([each, , panel], index) => {
      const chosen = each === name;
      buttons[index].setAttribute("aria-selected", chosen);
      buttons[index].tabIndex = chosen ? 0 : -1;
      panel.hidden = !chosen;
    });
    shown(name);
  }

  choose(tabs[0][0]);
  return choose;
}
