// Everything that can be done to the server: buttons and forms, made from the description that the server gives of its controls.

import { copy, h } from "./dom.js";
import { call, ControlError, curlOf, requestOf } from "./api.js";

export class ControlsPanel {
  panel = h("div");
  #model;
  #host = h("div", { class: "scroll" });
  #target = h("p", { class: "target" });
  #done = h("p", { class: "done", role: "status", id: "done" }, "Nothing was done yet.");
  #curls = [];

  constructor(model) {
    this.#model = model;
    this.panel.append(this.#host, this.#done);
    model.addEventListener("selection", () => this.#aim());
    model.addEventListener("connections", () => this.#aim());
  }

  /** Make the buttons of these controls: those that change something first. */
  make(controls) {
    this.#curls = [];
    const parts = [
      ["Break and mend", (control) => control.method === "POST" && control.presets.length],
      ["Send", (control) => control.method === "POST" && !control.presets.length],
      ["Read", (control) => control.method === "GET"],
    ].flatMap(([title, belongs]) => [h("h3", { class: "section" }, title), ...controls.filter(belongs).map((control) => this.#control(control))]);
    this.#host.replaceChildren(this.#target, ...parts);
    this.#aim();
  }

  /** What the chosen connection is for a control that needs a connection or a user. */
  #aimed(control) {
    const selected = this.#model.selected;
    if (selected === null) return {};
    const named = (format) => control.parameters.find((each) => each.schema.format === format && !each.required);
    const connection = named("connection");
    if (connection && control.method === "POST") return { [connection.name]: selected };
    return {};
  }

  #aim() {
    const selected = this.#model.selected;
    const connection = selected === null ? null : this.#model.connection(selected);
    this.#target.replaceChildren(
      ...(connection
        ? ["Controls of a connection act on ", h("b", {}, `${connection.uid ?? "connection"} #${selected}`), "."]
        : ["Controls of a connection need one: choose it on the left."]),
    );
    for (const renew of this.#curls) renew();
  }

  #control(control) {
    const node = h(
      "section",
      { class: "control", "data-control": control.name },
      h("h3", {}, control.name.replaceAll("_", " "), h("code", {}, `${control.method} ${control.path}`)),
      h("p", {}, control.about),
    );
    if (control.presets.length) {
      node.append(h("div", { class: "presets" }, ...control.presets.map((preset) => this.#preset(control, preset))));
    }
    const takes = control.parameters.length || control.body === "text";
    const more = h("details", {}, h("summary", {}, takes ? "All parameters, and its curl line" : "Its curl line"));
    // Made when it is opened: all of them would be a third of the elements of the page.
    more.addEventListener("toggle", () => more.append(...this.#form(control)), { once: true });
    node.append(more);
    return node;
  }

  #preset(control, preset) {
    const given = () => ({ ...preset.given, ...this.#aimed(control) });
    const copier = h(
      "button",
      { "aria-label": `Copy the curl line of ${preset.label}`, onclick: (event) => copy(curlOf(control, given()), event.currentTarget) },
      "curl",
    );
    const button = h("button", { onclick: () => this.#do(control, given(), preset.label) }, preset.label);
    this.#curls.push(() => {
      button.title = copier.title = curlOf(control, given());
    });
    return h("div", { class: "preset" }, button, copier);
  }

  /** What is below the buttons: a field for each parameter, and the curl line of what is in them. */
  #form(control) {
    const fields = control.parameters.map((parameter) => [parameter, makeField(parameter, `${control.name}-${parameter.name}`)]);
    const text = control.body === "text" ? h("textarea", { id: `${control.name}-text`, spellcheck: "false" }) : null;
    const given = () => {
      const values = { ...this.#aimed(control) };
      for (const [parameter, field] of fields) {
        const value = readField(parameter, field);
        if (value === undefined) continue;
        if (parameter.schema.format === "uid" && !parameter.required) delete values.connection;
        values[parameter.name] = value;
      }
      if (text) values.text = text.value;
      return values;
    };
    const line = h("code");
    const renew = () => (line.textContent = curlOf(control, given()));
    this.#curls.push(renew);
    const form = h("div", { class: "form", oninput: renew, onchange: renew });
    for (const [parameter, field] of fields) {
      form.append(h("label", { for: field.id, title: parameter.about }, parameter.name + (parameter.required ? " *" : "")), field);
      field.title = parameter.about;
    }
    if (text) form.append(h("label", { for: text.id }, "body"), text);
    const curl = h("div", { class: "curl" }, line, h("button", { "aria-label": `Copy the curl line of ${control.name}`, onclick: (event) => copy(line.textContent, event.currentTarget) }, "copy"));
    const run =
      control.method === "POST"
        ? h("button", { class: "main", "aria-label": `Do ${control.name}`, onclick: () => this.#do(control, given(), control.name) }, "Do it")
        : h("button", { "aria-label": `Open ${control.name}`, onclick: () => open(requestOf(control, given()).path, "_blank", "noopener") }, "Open");
    renew();
    return [...(fields.length || text ? [form] : []), run, curl];
  }

  async #do(control, given, label) {
    const done = this.#done;
    done.classList.remove("bad");
    try {
      const result = await call(control, given);
      done.textContent = `${new Date().toLocaleTimeString("en-GB")} ${label}: ${wordsOf(result)}`;
      this.#model.dispatchEvent(new CustomEvent("controlled", { detail: { control, result } }));
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      done.classList.add("bad");
      done.textContent = `${label}: ${error.message}`;
    }
  }
}

function wordsOf(result) {
  if (result && typeof result.sockets === "number") return `${result.sockets} connection${result.sockets === 1 ? "" : "s"}`;
  return "done";
}

function makeField(parameter, id) {
  const { schema } = parameter;
  const choices = schema.anyOf ?? [schema];
  const words = choices.flatMap((choice) => choice.enum ?? (choice.type === "boolean" ? [true, false] : []));
  const isClosed = choices.every((choice) => choice.enum || choice.type === "boolean");
  const usual = schema.default === undefined ? "" : String(schema.default);
  if (isClosed) {
    return h("select", { id }, h("option", { value: "" }, usual ? `${usual} (default)` : "–"), ...words.map((word) => h("option", { value: JSON.stringify(word) }, String(word))));
  }
  const list = { uid: "uids", guid: "guids" }[schema.format];
  const hint = choices.map((choice) => choice.enum?.join(", ") ?? { integer: "a whole number", number: "a number", string: "a text" }[choice.type]).join(", or ");
  return h("input", { id, list, placeholder: usual || hint, autocomplete: "off", spellcheck: "false" });
}

/** The value of a field as JSON has it; undefined when it is empty, which leaves the parameter out. */
function readField(parameter, field) {
  if (field.value === "") return undefined;
  if (field.tagName === "SELECT") return JSON.parse(field.value);
  const types = (parameter.schema.anyOf ?? [parameter.schema]).map((choice) => choice.type);
  const isNumber = types.some((type) => type === "integer" || type === "number") && /^-?\d+(\.\d+)?$/.test(field.value);
  return isNumber ? Number(field.value) : field.value;
}
