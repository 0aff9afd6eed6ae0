// The state of the device as the server streams it: parts that replace one another. Times are the server's clock.

export const state = { connected: false, me: { role: "nobody" } };
const ROLES = ["nobody", "guest", "household", "owner"];
const listeners = new Set();
let source, offset = 0;

export const may = (role) => ROLES.indexOf(state.me.role) >= ROLES.indexOf(role);

// Calls `draw` now and after each change of one of the parts, for as long as `el` is on the page. Until the first part is
// known, it hides `el` instead.
export function follow(el, parts, draw) {
  const listener = { el, parts, draw };
  listeners.add(listener);
  show(listener);
}

function show({ el, parts, draw }) {
  el.hidden = state[parts[0]] == null;
  if (!el.hidden) draw();
}

function tell(changed) {
  for (const one of listeners) {
    if (!one.el.isConnected) listeners.delete(one);
    else if (one.parts.some((part) => changed.includes(part))) show(one);
  }
}

export function connect(onEnd) {
  source?.close();
  source = new EventSource("/api/stream");
  source.onmessage = ({ data }) => {
    const { now, connected, parts } = JSON.parse(data);
    offset = now - performance.now() / 1000;
    Object.assign(state, parts, { connected });
    tell([...Object.keys(parts), "connected"]);
  };
  source.onerror = () => {
    state.connected = false;
    tell(["connected"]);
    if (source.readyState === EventSource.CLOSED) setTimeout(onEnd, 3000);
  };
}

// How many seconds of the song have played; `at` is the player's measurement.
export function position(at) {
  return at ? Math.max(0, at.track_s + (at.running ? performance.now() / 1000 + offset - at.at_mono : 0)) : 0;
}
