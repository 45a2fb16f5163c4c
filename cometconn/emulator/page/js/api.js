// Requests to the controls, made from the description of each.

export class ControlError extends Error {}

/** Where a control is called with these values, and with what body. */
export function requestOf(control, given) {
  const query = new URLSearchParams();
  const body = {};
  for (const parameter of control.parameters) {
    const value = given[parameter.name];
    if (value === undefined || value === "") continue;
    if (parameter.in === "query") query.set(parameter.name, value);
    else body[parameter.name] = value;
  }
  const path = control.path + (query.size ? `?${query}` : "");
  const text = control.body === "json" ? JSON.stringify(body) : control.body === "text" ? (given.text ?? "") : null;
  return { method: control.method, path, body: text };
}

/** The same request as a line for a POSIX shell. */
export function curlOf(control, given) {
  const { method, path, body } = requestOf(control, given);
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const endless = control.returns === "text/event-stream" ? " -N" : "";
  const ownCertificate = location.protocol === "https:" ? " --insecure" : ""; // the server is on this machine
  const data = body === null ? "" : ` --data-binary ${quoted(body)}`;
  return `curl -sS${endless}${ownCertificate}${method === "POST" ? " -X POST" : ""} ${quoted(location.origin + path)}${data}`;
}

export async function call(control, given = {}) {
  const { method, path, body } = requestOf(control, given);
  return await request(path, { method, body: body === null ? undefined : body });
}

export async function get(name, given = {}) {
  const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== undefined));
  return await request(`/control/${name}${query.size ? `?${query}` : ""}`);
}

async function request(path, options = {}) {
  let response, isJson, content;
  try {
    response = await fetch(path, options);
    isJson = (response.headers.get("content-type") ?? "").startsWith("application/json");
    content = isJson ? await response.json() : await response.text(); // fails if the server stops in the middle of it
  } catch {
    throw new ControlError("The server cannot be reached.");
  }
  if (!response.ok) throw new ControlError(content.error?.message ?? `HTTP status ${response.status}`);
  return isJson ? content.data : content;
}
