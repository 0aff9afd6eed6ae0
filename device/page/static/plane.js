// The valence-arousal plane: the moods at their places, the room as a point that moves, the song as a ring.
import { command } from "./dom.js";
import { s } from "./icons.js";
import { may, state } from "./state.js";

export const MOODS = {
  happy: [0.8, 0.3], excited: [0.7, 0.7], calm: [0.7, -0.6], neutral: [0, 0], sad: [-0.7, -0.3], tense: [-0.2, 0.8], angry: [-0.5, 0.7],
};
const SIZE = 300, EDGE = 26;
const BESIDE = { tense: [-4, -22], excited: [0, -22], angry: [-8, 25] }; // where the name is, seen from its place
const x = (valence) => SIZE / 2 + valence * (SIZE / 2 - EDGE);
const y = (arousal) => SIZE / 2 - arousal * (SIZE / 2 - EDGE);

export function makePlane() {
  const names = Object.keys(MOODS).map(label);
  const move = (element, { valence, arousal }) => { element.style.transform = `translate(${x(valence)}px, ${y(arousal)}px)`; };
  const halo = s("circle", { r: 22, class: "point halo" });
  const dot = s("circle", { r: 9, class: "point" });
  const song = s("circle", { r: 6, class: "song" });
  const svg = s("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "plane", role: "group" },
    s("rect", { x: 1, y: 1, width: SIZE - 2, height: SIZE - 2, rx: 18, class: "frame" }),
    s("path", { d: "M12 150H288M150 12V288", class: "axis" }),
    end("lively", 155, 19), end("quiet", 155, 288), end("unpleasant", 10, 164), end("pleasant", 290, 164, "end"),
    halo, ...names, song, dot);
  return {
    svg,
    draw(mood, track) {
      move(halo, mood.affect);
      move(dot, mood.affect);
      song.style.display = track ? "" : "none";
      if (track) move(song, track.affect);
      for (const one of names) one.ariaPressed = String(mood.source === "manual" && one.dataset.name === mood.name);
      svg.ariaLabel = `Valence ${mood.affect.valence.toFixed(1)}, arousal ${mood.affect.arousal.toFixed(1)}`
        + (track ? `; the song is ${track.mood}` : "");
    },
  };
}

function end(words, left, top, anchor = "start") {
  return s("text", { x: left, y: top, class: "edge", "text-anchor": anchor, "aria-hidden": "true" }, words);
}

function label(name) {
  const [valence, arousal] = MOODS[name], [right, below] = BESIDE[name] || [0, 25], width = 18 + 7.4 * name.length;
  const set = () => {
    const undo = state.mood.source === "manual" && state.mood.name === name;
    command("mood", { mood: undo ? null : name }, undo ? "The mood follows the room again." : `The mood is ${name} until you change it.`);
  };
  const press = (event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), set());
  const acts = may("household") ? { role: "button", tabindex: 0, "aria-label": `Set the mood to ${name}`, onclick: set, onkeydown: press } : {};
  return s("g", { class: "name", "data-name": name, transform: `translate(${x(valence) + right} ${y(arousal) + below})`, ...acts },
    s("circle", { cx: -right, cy: -below, r: 2.5, class: "place" }), s("rect", { x: -width / 2, y: -15, width, height: 30 }), s("text", {}, name));
}
