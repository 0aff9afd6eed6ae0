// The plane with every song as a dot: drag to pan, wheel or pinch to zoom, tap to choose, move a dot to correct its mood.
import { button, command, get, h, round, say } from "./dom.js";
import { MOODS } from "./plane.js";

const NAMES = Object.keys(MOODS);

export async function show(choose) {
  const response = await fetch("/api/library/points");
  if (!response.ok) throw new Error("The plane cannot be loaded.");
  const data = await response.arrayBuffer(), count = new DataView(data).getUint32(0, true);
  const numbers = new Uint32Array(data, 4, count), at = (place, type) => new type(data, 4 + 4 * count + place * count, count);
  const [valence, arousal, moods] = [at(0, Int8Array), at(1, Int8Array), at(2, Uint8Array)];
  const seen = new Map(), apart = [new Float32Array(count), new Float32Array(count)];
  for (let i = 0; i < count; i++) { // songs at one place lie around it
    const place = valence[i] * 256 + arousal[i], before = seen.get(place) || 0;
    seen.set(place, before + 1);
    const away = Math.min(26, 6 * Math.sqrt(before));
    apart[0][i] = away * Math.cos(2.4 * before);
    apart[1][i] = away * Math.sin(2.4 * before);
  }
  const canvas = h("canvas.dots", { role: "img", "aria-label": `${count} songs in the plane of valence and arousal. The tab Moods lists them.` });
  const hint = h("p.hint"), pen = canvas.getContext("2d"), touches = new Map();
  const move = button("Move dots", () => { moving = !moving; move.setAttribute("aria-pressed", String(moving)); tell(); }, { "aria-pressed": "false" });
  let zoom = 1, [left, top] = [0, 0], size = 300, moving = false, held = -1, far = 0, colours = [];

  const tell = () => { hint.textContent = moving ? "Drag a dot to where the song belongs. It gets the nearest mood." : `${count} songs. Tap a dot to choose the song.`; };
  const px = (value, i) => (i ? 1 - (value / 127 + 1) / 2 : (value / 127 + 1) / 2) * (size - 24) * zoom + 12 + (i ? top : left);
  const back = (pixel, i) => { const share = (pixel - 12 - (i ? top : left)) / ((size - 24) * zoom); return 127 * ((i ? 1 - share : share) * 2 - 1); };

  function draw() {
    const ratio = Math.min(devicePixelRatio || 1, 2), style = getComputedStyle(document.documentElement);
    size = canvas.clientWidth || size;
    if (canvas.width !== Math.round(size * ratio)) canvas.width = canvas.height = Math.round(size * ratio);
    colours = NAMES.map((name) => style.getPropertyValue(`--${name}`));
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, size, size);
    pen.strokeStyle = style.getPropertyValue("--line");
    pen.beginPath();
    for (const i of [0, 1]) {
      const middle = px(0, i);
      pen.moveTo(i ? 0 : middle, i ? middle : 0);
      pen.lineTo(i ? size : middle, i ? middle : size);
    }
    pen.stroke();
    const r = Math.max(1.2, Math.min(6, 40 / Math.sqrt(count || 1))) * Math.min(3, Math.sqrt(zoom));
    pen.globalAlpha = 0.8;
    moods.forEach((_, i) => { if (i !== held) dot(i, r); });
    pen.globalAlpha = 1;
    if (held >= 0) dot(held, r * 1.8);
    pen.fillStyle = style.getPropertyValue("--ink");
    pen.font = "12px system-ui";
    pen.textAlign = "center";
    for (const [name, [v, a]] of Object.entries(MOODS)) pen.fillText(name, px(127 * v, 0), px(127 * a, 1) - 18);
  }
  function dot(i, r) {
    pen.fillStyle = colours[moods[i]] || colours[3];
    const [x, y] = [px(valence[i], 0) + apart[0][i], px(arousal[i], 1) + apart[1][i]];
    if (x < -9 || y < -9 || x > size + 9 || y > size + 9) return;
    if (count > 20000) return pen.fillRect(x - r, y - r, 2 * r, 2 * r);
    pen.beginPath();
    pen.arc(x, y, r, 0, 7);
    pen.fill();
  }
  function nearest(x, y) {
    let best = -1, least = 22 ** 2;
    for (let i = 0; i < count; i++) {
      const d = (px(valence[i], 0) + apart[0][i] - x) ** 2 + (px(arousal[i], 1) + apart[1][i] - y) ** 2;
      if (d < least) [best, least] = [i, d];
    }
    return best;
  }
  function scale(factor, x = size / 2, y = size / 2) {
    const next = Math.max(1, Math.min(40, zoom * factor));
    left = x - 12 - ((x - 12 - left) / zoom) * next;
    top = y - 12 - ((y - 12 - top) / zoom) * next;
    zoom = next;
    pan(0, 0);
  }
  function pan(x, y) {
    const least = (size - 24) * (1 - zoom);
    left = Math.max(least, Math.min(0, left + x));
    top = Math.max(least, Math.min(0, top + y));
    requestAnimationFrame(draw);
  }
  const place = (event) => [event.offsetX, event.offsetY];
  const spread = () => { const [a, b] = [...touches.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]) || 1; };

  canvas.onwheel = (event) => { event.preventDefault(); scale(event.deltaY < 0 ? 1.2 : 1 / 1.2, ...place(event)); };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    touches.set(event.pointerId, place(event));
    far = touches.size > 1 ? 99 : 0;
    if (moving && touches.size === 1) held = nearest(...place(event));
  };
  canvas.onpointermove = (event) => {
    const before = touches.get(event.pointerId);
    if (!before) return;
    const now = place(event), width = touches.size === 2 ? spread() : 0;
    touches.set(event.pointerId, now);
    far += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (width) scale(spread() / width, ...now);
    else if (held >= 0) {
      [valence[held], arousal[held]] = now.map((pixel, i) => Math.max(-127, Math.min(127, Math.round(back(pixel, i)))));
      requestAnimationFrame(draw);
    } else pan(now[0] - before[0], now[1] - before[1]);
  };
  canvas.onpointerup = canvas.onpointercancel = async (event) => {
    if (!touches.delete(event.pointerId)) return;
    const chosen = held >= 0 ? held : far < 8 ? nearest(...place(event)) : -1, dragged = held >= 0 && far >= 8;
    held = -1;
    if (chosen < 0 || event.type === "pointercancel") return draw();
    const track = await get(`/api/library/track?number=${numbers[chosen]}`).catch((error) => say(error.message));
    if (!track) return;
    if (!dragged) return choose(track);
    const mood = nearestMood(valence[chosen] / 127, arousal[chosen] / 127);
    if (await command("track_mood", { mood, track: track.key }, `${track.title} is ${mood} now.`)) {
      moods[chosen] = NAMES.indexOf(mood);
      [valence[chosen], arousal[chosen]] = MOODS[mood].map((one) => Math.round(127 * one));
    }
    draw();
  };
  const watch = new ResizeObserver(draw);
  watch.observe(canvas);
  tell();
  return {
    node: h("div.stack", {}, canvas, hint, h("div.row", {}, h("div.grow", {}, move), round("add", "Zoom in", () => scale(1.5)),
      round("minus", "Zoom out", () => scale(1 / 1.5)))),
    leave: () => watch.disconnect(),
  };
}

function nearestMood(v, a) {
  const distance = (name) => Math.hypot(MOODS[name][0] - v, MOODS[name][1] - a);
  return NAMES.reduce((best, name) => (distance(name) < distance(best) ? name : best));
}
