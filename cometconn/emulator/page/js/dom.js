// Small helpers around the DOM. Text always goes in as text, never as HTML.

export const $ = (id) => document.getElementById(id);

/** Matches where there is room for one column only, as in the style sheet: rows of lists then have two lines. */
export const narrow = matchMedia("(max-width: 600px)");

/** Make an element: `h("button", { class: "main", onclick }, "Send")`. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("aria-")) element.setAttribute(name, String(value));
    if (name.startsWith("aria-") || value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Set a text only where it differs, so that a screen reader does not read the same text again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function announce(words) {
  setText($("announcer"), words);
}

let due = [];

/** Call `draw` once in the next frame, however often the function is called; in this frame, if one is being drawn. */
export function onFrame(draw) {
  let pending = false;
  const run = () => {
    pending = false;
    draw();
  };
  return () => {
    if (pending) return;
    pending = true;
    if (due.push(run) === 1) requestAnimationFrame(drawAll);
  };
}

function drawAll() {
  // What is added meanwhile runs in this frame, too: a list that gets its items in it is not drawn a frame later.
  for (const run of due) {
    try {
      run();
    } catch (error) {
      reportError(error); // the others are drawn all the same
    }
  }
  due = [];
}

/** Wait until the next frame was drawn; in a hidden page, which draws none, for 0.1 s. */
export async function nextFrame() {
  await Promise.race([new Promise((done) => requestAnimationFrame(() => setTimeout(done))), new Promise((done) => setTimeout(done, 100))]);
}

/** Call `run` once, `delay` ms after the first request. */
export function soon(run, delay) {
  let timer = 0;
  return () => {
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      run();
    }, delay);
  };
}

export async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "copied";
  } catch {
    button.textContent = "not allowed";
  }
  announce(button.textContent);
  setTimeout(() => (button.textContent = before), 1200);
}

const two = (number) => String(number).padStart(2, "0");

export function clock(seconds, { millis = true } = {}) {
  const date = new Date(seconds * 1000);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return millis ? `${time}.${String(date.getMilliseconds()).padStart(3, "0")}` : time;
}

/** A whole number as `1,000`. `toLocaleString()` loads tables of the browser at its first use, which takes 0.1 s. */
export function thousands(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

export function duration(seconds) {
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(Math.floor(seconds % 60))} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}
