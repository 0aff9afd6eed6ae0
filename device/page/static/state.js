// The state of the device as the server streams it: parts that replace one another. Times are the server's clock.

export const state = { connected: false, me: { role: "nobody" } };
const listeners = new Set();
let source, offset = 0;

export const serverNow = () => performance.now() / 1000 + offset;
export const may = (role) => ["nobody", "guest", "household", "owner"].indexOf(state.me.role)
  >= ["nobody", "guest", "household", "owner"].indexOf(role);

// Calls `listener(state, changed)` now and after each change; returns a function that ends this.
export function follow(listener) {
  listeners.add(listener);
  listener(state, null);
  return () => listeners.delete(listener);
}

function tell(changed) {
  for (const listener of listeners) listener(state, changed);
}

export function connect(onEnd) {
  source?.close();
  source = new EventSource("/api/stream");
  source.onmessage = ({ data }) => {
    const { now, connected, parts } = JSON.parse(data);
    offset = now - performance.now() / 1000;
    state.connected = connected;
    Object.assign(state, parts);
    tell(new Set(Object.keys(parts)));
  };
  source.onerror = () => {
    state.connected = false;
    tell(new Set());
    if (source.readyState === EventSource.CLOSED) setTimeout(onEnd, 3000);
  };
}

export function position(playback) {
  const at = playback?.position;
  if (!at) return 0;
  return Math.max(0, at.track_s + (at.running ? serverNow() - at.at_mono : 0));
}
