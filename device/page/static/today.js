// The view Today: the day as a ribbon of moods and songs, what each song did, and a week at a glance.
import { bad, card, columns, command, confirm, count, every, get, h, hint, joined, line, load, put, round, row, timeOfDay } from "./dom.js";
import { s } from "./icons.js";
import { state } from "./state.js";

const HEIGHT = 120, WIDTH = 1440;
const iso = (date) => date.toLocaleDateString("sv"); // Swedes write dates as ISO 8601 does
const ahead = (date, days) => new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);
const local = (date, options) => date.toLocaleDateString([], options);
const OUTCOMES = { played: "played to the end", replaced: "replaced, because the mood changed", banned: "never again", null: "stopped" };

export function show() {
  let day = new Date();
  const title = h("h2.grow"), body = h("div.stack"), week = h("div"), songs = h("ol.list");
  const later = round("next", "Next day", () => go(ahead(day, 1)));
  const forget = bad("Forget this day", () => confirm("Forget this day?", "This deletes its moods, songs and lessons for good.", "Forget",
    async () => await command("forget", { scope: "day", name: iso(day) }, "Forgotten.") && draw()));
  const isToday = () => iso(day) === iso(new Date());
  function go(to) {
    day = to;
    draw();
  }
  function draw() {
    put(title, isToday() ? "Today" : local(day, { weekday: "long", day: "numeric", month: "long" }));
    later.disabled = isToday();
    load(body, async () => {
      const found = await get(`/api/diary/day?day=${iso(day)}`);
      put(songs, found.songs.slice(-100).reverse().map(song));
      return dayOf(found);
    });
    load(week, async () => (await get(`/api/diary/week?day=${iso(new Date())}`)).map(weekday));
  }
  function weekday(found) {
    const date = new Date(`${found.day}T12:00`);
    const ariaCurrent = found.day === iso(day) ? "date" : null, ariaLabel = `${local(date, { weekday: "long" })}. ${moodWords(found)}`;
    return h("button.weekday", { onclick: () => go(date), ariaCurrent, ariaLabel },
      h("span.hint", {}, local(date, { weekday: "short" })), ribbon(found, 22));
  }
  draw();
  every(60000, body, () => isToday() && draw());
  const kept = state.me.keep_days ? `The device keeps this for ${count(state.me.keep_days, "day")}.` : "The device keeps no diary.";
  const earlier = round("previous", "Previous day", () => go(ahead(day, -1)));
  return columns([h("section.card.stack", { ariaLabel: "The day" }, h("div.row.tight", {}, earlier, title, later), body),
    card("The last seven days", week, hint(kept))], card("Songs", songs, row(forget)));
}

function dayOf(found) {
  const { songs } = found, spoken = moodWords(found);
  const words = songs.length ? joined(count(songs.length, "song"), spoken) : "Nothing played on this day.";
  const hours = h("div.times", { ariaHidden: "true" }, ["0", "6", "12", "18", "24"].map((hour) => h("span", {}, hour)));
  return [(songs.length > 0 || found.moods.length > 0) && h("div", {}, ribbon(found, HEIGHT), hours), hint(words)];
}

function spans({ moods, start, end }) {
  const until = Math.min(end, Date.now() / 1000);
  return moods.map((one, i) => ({ mood: one.mood, from: Math.max(start, one.at), to: Math.min(until, moods[i + 1]?.at ?? until) }))
    .filter((one) => one.mood && one.to > one.from);
}

function moodWords(found) {
  const sums = {};
  for (const { mood, from, to } of spans(found)) sums[mood] = (sums[mood] || 0) + to - from;
  const words = Object.entries(sums).sort((a, b) => b[1] - a[1]).slice(0, 3).map(([mood, seconds]) =>
    `${mood} for ${seconds < 5400 ? `${Math.max(1, Math.round(seconds / 60))} min` : `${Math.round(seconds / 3600)} h`}`);
  return words.length ? `The room was ${words.join(", ")}.` : "No mood was seen.";
}

function ribbon(found, height) {
  const { start, end, songs = [] } = found, band = height === HEIGHT ? height - 24 : height; // the songs lie below it
  const x = (at) => (WIDTH * (at - start)) / (end - start);
  const block = (mood, from, to, y, height) =>
    s("rect", { x: x(from), y, width: Math.max(2, x(to) - x(from)), height, "data-mood": mood, class: "span" });
  const picture = s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", class: "ribbon", role: "img",
    "aria-label": `The moods from midnight to midnight. ${moodWords(found)}` },
  ...spans(found).map(({ mood, from, to }) => block(mood, from, to, 0, band)),
  ...songs.map((song) => block(song.mood, song.started_at, song.ended_at - 20, band + 6, 12)));
  picture.style.height = `${height}px`;
  return picture;
}

function song(one) {
  const outcome = OUTCOMES[one.outcome] || one.outcome, liked = one.liked && one.outcome !== "liked" && "liked";
  return line(one.title, [joined(timeOfDay(one.started_at), one.artist), [outcome, liked, change(one)].filter(Boolean).join("; ")], null, one.mood);
}

function change({ before, after }) {
  if (!before || !after) return "";
  const moved = (axis, more, less) => {
    const by = after.affect[axis] - before.affect[axis];
    return Math.abs(by) > 0.1 && (by > 0 ? more : less);
  };
  const words = [moved("valence", "happier", "less happy"), moved("arousal", "livelier", "calmer")].filter(Boolean);
  return words.length ? `after it, the room was ${words.join(" and ")}` : "the mood stayed the same";
}
