// What all views are made of: elements, dialogs, requests, the login, messages. Text goes in as text: no tag can run code.
import { icon } from "./icons.js";
import { state } from "./state.js";

export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const el = document.createElement(name);
  if (classes.length) el.className = classes.join(" ");
  if (name === "button") el.type = "button";
  for (const [key, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key in el) el[key] = value;
    else el.setAttribute(key, value === true ? "" : value);
  }
  return put(el, ...children);
}

// Replaces the children; leaves out null and false.
export function put(el, ...children) {
  el.replaceChildren(...children.flat(9).filter((child) => child != null && child !== false));
  return el;
}

// The same, and what had the focus has it again.
export function redraw(el, ...children) {
  const name = (one) => one.ariaLabel || one.textContent, focused = el.contains(document.activeElement) && name(document.activeElement);
  put(el, ...children);
  if (focused) [...el.querySelectorAll("button, input")].find((one) => name(one) === focused)?.focus();
}

export const press = (el, on) => { el.ariaPressed = String(Boolean(on)); return el; };
export const row = (...children) => h("div.row", {}, children);
export const hint = (...words) => h("p.hint", {}, words);
export const button = (words, onclick, props = {}) => h("button.button", { onclick, ...props }, words);
export const bad = (words, onclick, props) => button(words, onclick, { className: "button bad", ...props });
export const main = (words, onclick) => button(words, onclick, { className: "button main" });
export const chip = (words, on, onclick, props = {}) => press(h("button.chip", { onclick, ...props }, words), on);
export const round = (name, label, onclick, props = {}) =>
  h("button.round", { ariaLabel: label, title: label, onclick, ...props }, icon(name));
export const field = (label, input, about) => h("label.field", {}, label, input, about && h("small", {}, about));
export const input = (type, props) => h("input", { type, autocomplete: "off", ...props });
export const card = (title, ...children) => h("section.card.stack", { ariaLabel: title }, h("h2", {}, title), children);

export const columns = (left, right) => h("div.two", {}, h("div.left", {}, left), h("div.right", {}, right));

// `options` are pairs of a value and words.
export const select = (options, value, props = {}) =>
  h("select", props, options.map(([one, words]) => h("option", { value: one, selected: one === value }, words)));

// A row of a list. Tapping it calls `onclick`; `mood` gives it a dot.
export const line = (title, about, onclick, mood, ...children) => h("li", { "data-mood": mood }, mood && h("span.moodmark"),
  h(onclick ? "button.line" : "div.line", { onclick }, h("b", {}, title), [about].flat().map((words) => words && h("small", {}, words))), children);

export const count = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;
export const sentences = (...words) => words.filter(Boolean).join(" ");
export const joined = (...words) => words.filter(Boolean).join(" · ");
export const byline = (track) => joined(track.artist, track.album);
export const two = (number) => String(number).padStart(2, "0");
export const timeOfDay = (at) => new Date(1000 * at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds)), hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

// Repeats `job` for as long as `el` is on the page.
export function every(ms, el, job) {
  const timer = setInterval(() => (el.isConnected ? job() : clearInterval(timer)), ms);
}

// Opens a dialog. `content` makes what is in it, and gets the function that closes it.
export function dialog(title, content) {
  const box = h("dialog.stack", { ariaLabel: title, onclose: () => box.remove() });
  put(box, h("h2", {}, title), content(() => box.close()));
  document.body.append(box);
  box.showModal();
  return box;
}

// Says how a request went; returns whether it worked.
export function tell({ ok, message }, done) {
  say(ok ? done : message);
  return ok;
}

export const send = (words) => h("button.button.main", { type: "submit" }, words);
export const submit = (job) => ({ onsubmit: (event) => { event.preventDefault(); return job(); } });

// A dialog with a form. `done` says whether all is well; then the dialog closes.
export const form = (title, fields, words, done) => dialog(title, (close) =>
  h("form.stack", submit(async () => await done() && close()), fields, row(send(words), button("Cancel", close))));

export const confirm = (title, about, words, action) =>
  dialog(title, (close) => [h("p", {}, about), row(bad(words, () => { close(); action(); }), button("Cancel", close))]);

export function askFor(title, label, value, done, maxLength = 64) {
  const text = input("text", { value, required: true, maxLength });
  form(title, field(label, text), "Save", () => done(text.value.trim()));
  text.select();
}

export function say(words) {
  if (!words) return;
  const note = h("p", {}, words), box = document.getElementById("toasts");
  box.append(note);
  box.hidePopover?.(); // so that it lies above a dialog
  box.showPopover?.();
  while (box.childElementCount > 3) box.firstChild.remove();
  setTimeout(() => note.remove(), 3000 + 60 * words.length);
}

const AWAY = "This phone cannot reach the device.";

export async function get(path) {
  const response = await fetch(path).catch(() => null);
  const body = await response?.json().catch(() => undefined);
  if (!response?.ok || body === undefined) throw new Error(body?.message || AWAY);
  return body;
}

// Puts what `job` returns into `el`; if it fails, the reason. A later call for the same element wins.
export async function load(el, job) {
  el.job = job;
  const content = await job().catch((error) => h("p.error", { role: "alert" }, error.message));
  if (el.job === job) put(el, content);
}

export async function post(path, body) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, options).catch(() => null);
  return { ok: false, message: AWAY, status: response?.status, ...(await response?.json().catch(() => ({}))) };
}

// Gives a command. Says why it was refused, offers the login where that helps, and returns whether it worked.
export async function command(name, fields = {}, done = "") {
  const result = await post("/api/do", { do: name, with: fields });
  const stranger = result.status === 401 || (result.status === 403 && result.message.includes("log in"));
  if (!stranger) return tell(result, done);
  return await login() && command(name, fields, done);
}

// The login of the owner, as a dialog. Resolves to whether somebody logged in.
export const login = () => new Promise((resolve) => {
  const { word } = state.me, error = h("p.error", { role: "alert" }), inputMode = word === "PIN" ? "numeric" : "text";
  const secret = input("password", { id: "secret", autocomplete: "current-password", required: true, inputMode });
  const where = "“affetto check” shows it, and so does affetto-page.txt on the boot partition.";
  let done = false;
  const box = form(`The ${word}, please`, [hint(word === "PIN" && where), field(word, secret), error], "Log in", async () => {
    const result = await post("/api/login", { secret: secret.value });
    done = result.ok;
    put(error, !done && result.message);
    secret.select();
    return done;
  });
  box.addEventListener("close", () => {
    if (done) dispatchEvent(new Event("login"));
    resolve(done);
  });
});
