// Asking the server through Gradio's endpoints. Errors carry the key of a text (error-KEY).

export class Failed extends Error {
  constructor(key, told = "") {
    super(told || key);
    this.key = key;
    this.told = told;
  }
}

const at = (path) => new URL(`gradio_api/${path}`, document.baseURI);

async function post(path, data, signal) {
  let answer;
  try {
    answer = await fetch(at(path), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ data }),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failed("network");
  }
  if (answer.status === 503 || answer.status === 429) throw new Failed("busy");
  if (answer.status === 413) throw new Failed("long");
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Failed("inside", body.error ?? "");
  return body;
}

// One call, one result.
export async function call(name, ...data) {
  return (await post(`run/${name}`, data)).data[0];
}

// A call whose result grows: `grown` hears each state. Aborting the signal ends it on the server.
export async function stream(name, data, grown, signal) {
  const { event_id: id } = await post(`call/${name}`, data, signal);
  let answer;
  try {
    answer = await fetch(at(`call/${name}/${id}`), { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failed("network");
  }
  if (!answer.ok) throw new Failed("inside");
  for await (const [event, value] of events(answer.body)) {
    if (event === "error") throw new Failed("inside", value?.error ?? "");
    if (event === "generating" && value) grown(value[0]);
    if (event === "complete") return;
  }
  throw new Failed("network");
}

// Server-sent events as [name, parsed data].
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      buffer += value;
      const parts = buffer.split("\n\n");
      buffer = parts.pop();
      for (const part of parts) {
        const field = (name) => part.match(new RegExp(`^${name}: ?(.*)$`, "m"))?.[1];
        if (field("event")) yield [field("event"), parse(field("data"))];
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
