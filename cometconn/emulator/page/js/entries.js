// What an entry of the log is called on the page.

/** The groups that can be shown or hidden. */
export const GROUPS = [
  ["frames", "Frames"],
  ["pings", "Pings"],
  ["steps", "Steps"],
  ["rest", "REST"],
  ["control", "Control"],
  ["client", "Client"],
];

const STEPS = new Set(["connect", "upgrade", "auth", "ignored", "close_in", "close_out", "eof", "reset", "gone"]);

export function groupOf(entry) {
  if (entry.kind === "frame_in" || entry.kind === "frame_out") {
    return entry.frame?.action === "ping" || entry.frame?.action === "pong" ? "pings" : "frames";
  }
  if (entry.kind === "rest") return "rest";
  if (entry.kind === "control" || entry.kind === "webhook") return "control";
  return STEPS.has(entry.kind) ? "steps" : "client";
}

/** `in` for what the client sent, `out` for what the server sent, else nothing. */
export function directionOf(entry) {
  if (["frame_in", "close_in", "connect", "rest", "eof"].includes(entry.kind)) return "in";
  if (["frame_out", "close_out", "upgrade"].includes(entry.kind)) return "out";
  if (entry.kind === "reset") return entry.by === "client" ? "in" : "out";
  return "";
}

export function isBad(entry) {
  if (entry.kind === "rest" || entry.kind === "upgrade") return entry.status === null || entry.status >= 400;
  if (entry.kind === "auth") return entry.outcome !== "accepted";
  return ["ignored", "reset"].includes(entry.kind) || (entry.kind === "gone" && entry.how !== "close");
}

const about = {
  rest: (entry) => `${entry.method} ${entry.path} → ${entry.status ?? "no answer"}${entry.code ? ` ${entry.code}` : ""}`,
  connect: (entry) => entry.path,
  upgrade: (entry) => entry.status,
  auth: (entry) => entry.outcome,
  ignored: (entry) => entry.why,
  close_in: (entry) => entry.code ?? "without a code",
  close_out: (entry) => entry.code ?? "without a code",
  eof: () => "the client closed TCP",
  reset: (entry) => `by the ${entry.by}`,
  gone: (entry) => `${entry.how}${entry.code === null ? "" : ` ${entry.code}`}`,
  webhook: (entry) => `${entry.trigger} → ${entry.status ?? "no answer"}`,
  control: (entry) => {
    const { number, at, kind, connection, uid, what, ...more } = entry;
    return [what, ...Object.entries(more).map(([name, value]) => `${name}=${JSON.stringify(value)}`)].join(" ");
  },
  frame_in: ofFrame,
  frame_out: ofFrame,
};

function ofFrame(entry) {
  const frame = entry.frame;
  if (!frame) return entry.text ?? "";
  const body = frame.body ?? {};
  const parts = [frame.type ?? frame.action ?? "an object"];
  if (frame.type === "message") parts.push(body.type, body.data?.text ?? body.data?.action);
  else if (frame.type === "auth") parts.push(body.code);
  else if (body.action) parts.push(body.action, body.messageId);
  if (frame.receiver && frame.type !== "auth") parts.push(`to ${frame.receiver}`);
  return parts.filter((part) => part !== undefined && part !== "").join(" · ");
}

export function wordsOf(entry) {
  return String((about[entry.kind] ?? ((each) => each.words ?? each.what ?? ""))(entry));
}
