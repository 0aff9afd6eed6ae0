// The plane with every song as a dot: to pan, zoom, choose a song, and correct its mood.
import { button, command, count, get, h, hint, press, put, round, row, say } from "./dom.js";
import { MOODS } from "./plane.js";

const NAMES = Object.keys(MOODS); // in the order of the server
const EDGE = 12, MOST_ZOOM = 40;

// All songs, as library_routes.py packs them. `apart` moves songs at one place away from one another, in pixels.
async function read() {
  const response = await fetch("/api/library/points");
  if (!response.ok) throw new Error("The plane cannot be loaded.");
  const data = await response.arrayBuffer(), all = new DataView(data).getUint32(0, true);
  const part = (place, type) => new type(data, 4 + 4 * all + place * all, all);
  const places = [part(0, Int8Array), part(1, Int8Array)], apart = [new Float32Array(all), new Float32Array(all)], seen = new Map();
  for (let i = 0; i < all; i++) {
    const place = places[0][i] * 256 + places[1][i], before = seen.get(place) || 0, away = Math.min(26, 6 * Math.sqrt(before));
    seen.set(place, before + 1);
    apart[0][i] = away * Math.cos(2.4 * before);
    apart[1][i] = away * Math.sin(2.4 * before);
  }
  return { all, numbers: new Uint32Array(data, 4, all), places, apart, moods: part(2, Uint8Array) };
}

export async function show(choose) {
  const { all, numbers, places, apart, moods } = await read();
  if (!all) return hint("There is no music yet.");
  const ariaLabel = `${count(all, "song")} in the plane of valence and arousal. The tab Moods lists them.`;
  const about = hint(), canvas = h("canvas.dots", { role: "img", ariaLabel });
  const pen = canvas.getContext("2d"), touches = new Map(), corner = [0, 0];
  const move = press(button("Move dots", () => tell(!moving)), false);
  let zoom = 1, size = 300, moving = false, held = -1, far = 0;

  function tell(on) {
    press(move, moving = on);
    put(about, moving ? "Drag a dot to where the song belongs. It gets the nearest mood." : `${count(all, "song")}. Tap a dot to choose the song.`);
  }

  // From -127 to 127 on an axis (0: valence, 1: arousal) to pixels, and back.
  const toPixel = (value, axis) => (0.5 + (axis ? -value : value) / 254) * (size - 2 * EDGE) * zoom + EDGE + corner[axis];
  const toValue = (pixel, axis) => (axis ? -254 : 254) * ((pixel - EDGE - corner[axis]) / ((size - 2 * EDGE) * zoom) - 0.5);
  const at = (i) => [0, 1].map((axis) => toPixel(places[axis][i], axis) + apart[axis][i]);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

  function draw() {
    const ratio = Math.min(devicePixelRatio || 1, 2), colours = NAMES.map(colour);
    size = canvas.clientWidth || size;
    if (canvas.width !== Math.round(size * ratio)) canvas.width = canvas.height = Math.round(size * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, size, size);
    pen.fillStyle = colour("line");
    pen.fillRect(toPixel(0, 0), 0, 1, size);
    pen.fillRect(0, toPixel(0, 1), size, 1);
    const r = Math.max(1.2, Math.min(6, 40 / Math.sqrt(all || 1))) * Math.min(3, Math.sqrt(zoom));
    pen.globalAlpha = 0.8;
    for (let i = 0; i < all; i++) dot(i, i === held ? 1.8 * r : r, colours[moods[i]]);
    pen.globalAlpha = 1;
    pen.fillStyle = colour("ink");
    pen.font = "12px system-ui";
    pen.textAlign = "center";
    for (const [name, [valence, arousal]] of Object.entries(MOODS)) pen.fillText(name, toPixel(127 * valence, 0), toPixel(127 * arousal, 1) - 18);
  }
  function dot(i, r, colour) {
    const [x, y] = at(i);
    if (x < -9 || y < -9 || x > size + 9 || y > size + 9) return;
    pen.fillStyle = colour;
    if (all > 20000) return pen.fillRect(x - r, y - r, 2 * r, 2 * r);
    pen.beginPath();
    pen.arc(x, y, r, 0, 7);
    pen.fill();
  }
  function nearest([x, y]) {
    let best = -1, least = 22;
    for (let i = 0; i < all; i++) {
      const [left, top] = at(i), away = Math.hypot(left - x, top - y);
      if (away < least) [best, least] = [i, away];
    }
    return best;
  }
  function scale(factor, middle = [size / 2, size / 2]) {
    const next = Math.max(1, Math.min(MOST_ZOOM, zoom * factor));
    pan(middle.map((pixel, axis) => (pixel - EDGE - corner[axis]) * (1 - next / zoom)), next);
  }
  function pan(by, next = zoom) {
    zoom = next;
    const least = (size - 2 * EDGE) * (1 - zoom);
    by.forEach((pixels, axis) => { corner[axis] = Math.max(least, Math.min(0, corner[axis] + pixels)); });
    requestAnimationFrame(draw);
  }

  const place = (event) => [event.offsetX, event.offsetY];
  const spread = () => { const [a, b] = [...touches.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]) || 1; };
  canvas.onwheel = (event) => { event.preventDefault(); scale(event.deltaY < 0 ? 1.2 : 1 / 1.2, place(event)); };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    touches.set(event.pointerId, place(event));
    far = touches.size > 1 ? 99 : 0;
    if (moving && touches.size === 1) held = nearest(place(event));
  };
  canvas.onpointermove = (event) => {
    const before = touches.get(event.pointerId), now = place(event), width = touches.size === 2 ? spread() : 0;
    if (!before) return;
    touches.set(event.pointerId, now);
    far += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (width) return scale(spread() / width, now);
    if (held < 0) return pan([now[0] - before[0], now[1] - before[1]]);
    now.forEach((pixel, axis) => { places[axis][held] = Math.max(-127, Math.min(127, Math.round(toValue(pixel, axis)))); });
    requestAnimationFrame(draw);
  };
  canvas.onpointerup = canvas.onpointercancel = async (event) => {
    if (!touches.delete(event.pointerId)) return;
    const dragged = held >= 0 && far >= 8, chosen = held >= 0 ? held : far < 8 ? nearest(place(event)) : -1;
    held = -1;
    if (chosen < 0 || event.type === "pointercancel") return draw();
    const track = await get(`/api/library/track?number=${numbers[chosen]}`).catch((error) => say(error.message));
    if (track && dragged) await correct(chosen, track);
    else if (track) choose(track);
    draw();
  };
  async function correct(i, track) {
    const away = (name) => Math.hypot(...MOODS[name].map((one, axis) => one - places[axis][i] / 127));
    const mood = NAMES.reduce((best, name) => (away(name) < away(best) ? name : best));
    if (!await command("track_mood", { mood, track: track.key }, `${track.title} is ${mood} now.`)) return;
    moods[i] = NAMES.indexOf(mood);
    MOODS[mood].forEach((one, axis) => { places[axis][i] = Math.round(127 * one); });
  }

  new ResizeObserver(draw).observe(canvas);
  tell(false);
  const zooms = [round("add", "Zoom in", () => scale(1.5)), round("minus", "Zoom out", () => scale(1 / 1.5))];
  return [canvas, about, row(h("div.grow", {}, move), zooms)];
}
