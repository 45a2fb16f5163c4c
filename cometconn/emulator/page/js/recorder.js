// The recording of sessions, and the way to its transcripts.

import { $, announce, h } from "./dom.js";
import { ControlError } from "./api.js";

/** `perform(name, given)` calls a control. */
export function showRecorder(model, perform) {
  const button = h("button", { id: "record", onclick: toggle }, "Record");
  const link = h("a", { class: "button", id: "transcript", hidden: true }, "Transcript");
  $("recorder").append(link, button);

  async function toggle() {
    if (!model.state) return;
    try {
      await perform("record", { on: !model.state.recording.on });
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      announce(error.message);
    }
  }

  const show = () => {
    if (!model.state) return;
    const { on, lines, full } = model.state.recording;
    const uid = model.selected === null ? null : model.connection(model.selected)?.uid;
    button.textContent = on ? (full ? "Full: stop" : "Stop recording") : "Record";
    button.setAttribute("aria-pressed", on);
    button.title = "Records what clients send and receive from now on, for cometconn.testing.open_replay()";
    link.hidden = !uid || !(on || lines);
    if (uid) {
      link.href = `/control/transcript?uid=${encodeURIComponent(uid)}`;
      link.download = `${uid}.jsonl`;
      link.textContent = `Transcript of ${uid}`;
    }
  };
  for (const name of ["state", "selection", "connections"]) model.addEventListener(name, show);
  return show;
}
