// Starts the page: who we are, the views and their addresses, what is always in sight.
import { command, get, h, icon, say } from "./dom.js";
import { connect, follow, may, state } from "./state.js";

const VIEWS = {
  "/": ["Now", "now", "guest"],
  "/library": ["Library", "library", "guest"],
  "/today": ["Today", "today", "household"],
  "/people": ["People", "people", "household"],
  "/guests": ["Guests", "guests", "household"],
  "/settings": ["Settings", "settings", "household"],
};
const main = document.getElementById("main");
const camera = document.getElementById("camera");
let leave = () => {};

async function show(path, focus = false) {
  const [title, name, role] = VIEWS[path] || VIEWS["/"];
  if (!may(role)) return path === "/" ? undefined : go("/", true);
  const view = await import(`./${name}.js`).catch(() => null);
  if (!view) return say("This view cannot be loaded; is the device on?");
  leave();
  document.title = `${title} – ${state.me.device}`;
  drawNav(path);
  main.replaceChildren();
  main.className = "";
  leave = view.show(main, new URLSearchParams(location.search)) || (() => {});
  scrollTo(0, 0);
  if (focus) main.focus({ preventScroll: true });
}

export function go(path, replace = false) {
  history[replace ? "replaceState" : "pushState"]({}, "", path);
  return show(location.pathname, true);
}

function drawNav(path) {
  const links = Object.entries(VIEWS).filter(([, [, , role]]) => may(role)).map(([to, [title, name]]) =>
    h("a", { href: to, "aria-current": to === path ? "page" : null }, icon(name), h("span", {}, title)));
  document.querySelector("nav").replaceChildren(...links);
}

function drawAlways(_, changed) {
  document.getElementById("link").hidden = state.connected || state.me.role === "nobody";
  if (state.mood && (!changed || changed.has("mood"))) document.body.dataset.mood = state.mood.name;
  if (!state.camera || (changed && !changed.has("camera"))) return;
  const { wanted, open } = state.camera;
  const words = open ? "Camera on" : wanted ? "Camera starting" : "Camera off";
  camera.replaceChildren(icon(wanted || open ? "camera" : "camera-off"), words);
  camera.className = `chip${open ? " on" : ""}`;
  camera.setAttribute("aria-label", `${words}. Switch it ${wanted ? "off" : "on"}`);
  camera.disabled = !may("household");
  camera.hidden = false;
}

camera.addEventListener("click", () => {
  const on = !state.camera.wanted;
  command("camera", { on }, on ? "The camera is on. Only numbers leave it." : "The camera is off.");
});

addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='/']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || link.hasAttribute("download")) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
addEventListener("popstate", () => show(location.pathname, true));
addEventListener("login", start);

async function start() {
  try {
    state.me = await get("/api/me");
  } catch (error) {
    document.getElementById("loading")?.replaceChildren(error.message);
    setTimeout(start, 3000);
    return;
  }
  document.getElementById("device").textContent = state.me.device;
  if (state.me.role === "nobody") {
    document.getElementById("loading")?.replaceChildren(`This page asks for a ${state.me.word}.`);
    const { login } = await import("./login.js");
    login();
    return;
  }
  connect(start);
  await show(location.pathname);
}

follow(drawAlways);
start();
