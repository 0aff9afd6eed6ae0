// Starts the page: the login, the views, what is always in sight.
import { button, command, get, h, hint, login, press, put, row, say } from "./dom.js";
import { icon } from "./icons.js";
import { connect, follow, may, state } from "./state.js";

const VIEWS = {
  "/": ["Now", "guest"],
  "/library": ["Library", "guest"],
  "/today": ["Today", "household"],
  "/people": ["People", "household"],
  "/settings": ["Settings", "household"],
};
const nameOf = (path) => path.slice(1) || "now"; // of a view's module and icon
const [main, camera, lost, loading, device] = ["main", "camera", "link", "loading", "device"].map((id) => document.getElementById(id));

async function show(path, focus = false) {
  const [title, role] = VIEWS[path];
  if (!may(role)) return path === "/" ? undefined : go("/", true);
  const view = await import(`./${nameOf(path)}.js`).catch(() => null);
  if (!view) return say("This view cannot be loaded; is the device on?");
  document.title = `${title} – ${state.me.device}`;
  drawNav(path);
  const waiting = hint("Waiting for the device …");
  follow(waiting, ["connected"], () => { waiting.hidden = Boolean(state.playback); });
  put(main, waiting, view.show());
  scrollTo(0, 0);
  if (focus) main.focus({ preventScroll: true });
}

function go(path, replace = false) {
  history[replace ? "replaceState" : "pushState"]({}, "", path);
  return show(location.pathname, true);
}

function drawNav(path) {
  put(document.querySelector("nav"), Object.entries(VIEWS).filter(([, [, role]]) => may(role)).map(([to, [title]]) =>
    h("a", { href: to, "aria-current": to === path ? "page" : null }, icon(nameOf(to)), h("span", {}, title))));
}

function drawCamera() {
  const { wanted, open, switched_off: locked } = state.camera;
  const words = open ? "Camera on" : wanted ? "Camera starting" : locked ? "Camera off by switch" : "Camera off";
  put(camera, icon("camera", !wanted && !open && "off"), words);
  press(camera, open).ariaLabel = `${words}. Switch it ${wanted ? "off" : "on"}`;
  camera.disabled = !may("household");
  document.body.dataset.mood = state.mood.name;
}

camera.onclick = () => {
  const on = !state.camera.wanted;
  command("camera", { on }, on ? "The camera is on. Only numbers leave it." : "The camera is off.");
};

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
    put(loading, error.message);
    setTimeout(start, 3000);
    return;
  }
  put(device, state.me.device);
  if (!may("guest")) {
    put(main, hint(`This page asks for a ${state.me.word}. `), row(button("Log in", login)));
    login();
    return;
  }
  connect(start);
  await show(location.pathname);
}

follow(lost, ["connected"], () => { lost.hidden = state.connected || !may("guest"); });
follow(camera, ["camera", "mood"], drawCamera);
start();
