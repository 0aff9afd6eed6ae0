// Small helpers: elements, requests, messages. Text always goes in as text, so nothing that a tag contains can run.

export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const el = document.createElement(name || "div");
  if (classes.length) el.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key in el && !key.startsWith("aria") && key !== "list") el[key] = value;
    else el.setAttribute(key, value === true ? "" : value);
  }
  el.append(...children.flat(9).filter((child) => child != null && child !== false));
  return el;
}

export function s(tag, props = {}, ...children) {
  const el = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else el.setAttribute(key, value);
  }
  el.append(...children);
  return el;
}

export const icon = (name) => s("svg", { class: "icon", "aria-hidden": "true" }, s("use", { href: `#i-${name}` }));

export const round = (name, label, onclick, props = {}) =>
  h("button.round", { type: "button", "aria-label": label, title: label, onclick, ...props }, icon(name));

export const button = (words, onclick, props = {}) => h("button.button", { type: "button", onclick, ...props }, words);

export function say(words) {
  if (!words) return;
  const note = h("p", {}, words);
  const box = document.getElementById("toasts");
  box.append(note);
  while (box.childElementCount > 3) box.firstChild.remove();
  setTimeout(() => note.remove(), 3000 + 60 * words.length);
}

const AWAY = "This phone cannot reach the device.";

export async function get(path) {
  const response = await fetch(path).catch(() => null);
  if (!response) throw new Error(AWAY);
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.message || AWAY), { status: response.status });
  return body;
}

export async function post(path, body) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, options).catch(() => null);
  if (!response) return { ok: false, message: AWAY };
  return { status: response.status, ...(await response.json().catch(() => ({ ok: false, message: AWAY }))) };
}

// Gives a command. Says why it was refused, offers the login where that helps, and returns whether it worked.
export async function command(name, fields = {}, done = "") {
  const result = await post("/api/do", { do: name, with: fields });
  if (result.ok) say(done);
  else if (result.message.includes("log in") || result.status === 401) {
    const { login } = await import("./login.js");
    if (await login(result.message)) return command(name, fields, done);
  } else say(result.message);
  return result.ok;
}

export const clock = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
};

export const byline = (track) => [track.artist, track.album].filter(Boolean).join(" · ");

export function fill(slider) {
  const share = (slider.value - slider.min) / (slider.max - slider.min || 1);
  slider.style.setProperty("--v", `${100 * share}%`);
}
