// The icons, each a path in a box of 24 by 24.
const LINES = {
  now: "M9 18V6l10-2v12M4 18a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0M14 16a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0",
  library: "M4 11a7 7 0 1 0 14 0 7 7 0 1 0-14 0M16 16l5 5",
  today: "M3 15c3 0 3-6 6-6s3 8 6 8 3-10 6-10",
  people: "M5.5 8a3.5 3.5 0 1 0 7 0 3.5 3.5 0 1 0-7 0M2.5 20c0-4 3-6 6.5-6s6.5 2 6.5 6M16 5a3.5 3.5 0 0 1 0 6.5M18 14.5c2.3.7 3.5 2.6 3.5 5.5",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M13 7a2 2 0 1 0 4 0 2 2 0 1 0-4 0M7 17a2 2 0 1 0 4 0 2 2 0 1 0-4 0",
  like: "M12 20S4 15 4 9.5A4.3 4.3 0 0 1 12 7a4.3 4.3 0 0 1 8 2.5C20 15 12 20 12 20z",
  dislike: "M7 4v10l4 7c2 0 2.5-1.5 2-3l-1-3h6c1.5 0 2.3-1 2-2.5l-1.5-7C18.3 4.5 17.5 4 16.5 4zM3.5 4v10",
  never: "M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 1 0-17 0M6 6l12 12",
  volume: "M4 9v6h4l5 4V5L8 9zM16 9c1.5 1.7 1.5 4.3 0 6M18.5 6.5c3 3 3 8 0 11",
  mute: "M4 9v6h4l5 4V5L8 9zM17 10l4 4M21 10l-4 4",
  up: "M6 14l6-6 6 6",
  down: "M6 10l6 6 6-6",
  remove: "M7 7l10 10M17 7L7 17",
  add: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  camera: "M3 9a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2zM15 11l6-3v8l-6-3",
  off: "M3 3l18 18",
};
const SHAPES = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z",
  next: "M5 6v12l9-6zM16 6h2.5v12H16z",
  previous: "M19 6v12l-9-6zM5.5 6H8v12H5.5z",
};

export function s(tag, props = {}, ...children) {
  const el = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else el.setAttribute(key, value);
  }
  el.append(...children);
  return el;
}

// One icon, or several on top of one another.
export const icon = (...names) => s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
  ...names.filter(Boolean).map((name) => s("path", { d: LINES[name] || SHAPES[name], class: SHAPES[name] ? "shape" : "" })));
