// The view Today: the day as a ribbon of moods and songs, what each song did, and a week at a glance.
import { button, command, get, h, round, s } from "./dom.js";
import { may } from "./state.js";

const HEIGHT = 120, WIDTH = 1440;
const iso = (date) => new Date(date.getTime() - 60000 * date.getTimezoneOffset()).toISOString().slice(0, 10);
const time = (at) => new Date(1000 * at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const OUTCOMES = { played: "played to the end", skipped: "skipped", replaced: "replaced, because the mood changed", liked: "liked",
  disliked: "disliked", banned: "never again" };

export function show(main) {
  let day = new Date(), number = 0;
  const title = h("h2.grow"), ribbon = h("div"), songs = h("ol.list"), hint = h("p.hint"), week = h("div.stack");
  const later = round("next", "Next day", () => go(1));
  const forget = button("Forget this day", () => command("forget", { scope: "day", name: iso(day) }, "Forgotten.").then((done) => done && load()), { className: "button bad" });
  main.append(
    h("section.card.stack", {}, h("div.row.tight", {}, round("previous", "Previous day", () => go(-1)), title, later), ribbon, hint, songs,
      may("household") && h("div.row", {}, forget)),
    h("section.card.stack", {}, h("h2", {}, "The week"), week));
  const go = (days) => { day = new Date(day.getFullYear(), day.getMonth(), day.getDate() + days); load(); };

  async function load() {
    const asked = ++number, today = iso(day) === iso(new Date());
    title.textContent = today ? "Today" : day.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
    later.disabled = today;
    try {
      const [found, days] = await Promise.all([get(`/api/diary/day?day=${iso(day)}`), get(`/api/diary/week?day=${iso(day)}`)]);
      if (asked !== number) return;
      ribbon.replaceChildren(draw(found, HEIGHT));
      hint.textContent = found.songs.length ? moodWords(found) : "Nothing played on this day.";
      songs.replaceChildren(...found.songs.slice(-100).reverse().map(song));
      week.replaceChildren(...days.map((one) => h("div.row.tight", {}, h("span.hint.weekday", {},
        new Date(`${one.day}T12:00`).toLocaleDateString([], { weekday: "short" })), h("div.grow", {}, draw(one, 22)))));
    } catch (error) {
      hint.textContent = error.message;
    }
  }
  load();
  const timer = setInterval(() => iso(day) === iso(new Date()) && load(), 60000);
  return () => clearInterval(timer);
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
  const count = found.songs.length === 1 ? "1 song" : `${found.songs.length} songs`;
  return words.length ? `${count}. The room was ${words.join(", ")}.` : `${count}. No mood was seen.`;
}

function draw(found, height) {
  const { start, end, songs } = found, x = (at) => (WIDTH * (at - start)) / (end - start), tall = height > 60, band = tall ? height - 44 : height;
  const picture = s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", class: "ribbon", role: "img",
    "aria-label": tall ? "The moods of the day, from midnight to midnight" : `The moods of ${found.day}` });
  picture.style.height = `${height}px`;
  for (const { mood, from, to } of spans(found))
    picture.append(s("rect", { x: x(from), y: 0, width: Math.max(2, x(to) - x(from)), height: band, "data-mood": mood, class: "span" }));
  for (const song of songs || [])
    picture.append(s("rect", { x: x(song.started_at), y: band + 6, width: Math.max(1.5, x(song.ended_at) - x(song.started_at) - 1), height: 12, "data-mood": song.mood, class: "span" }));
  if (!tall) return picture;
  const hours = h("div.times", { "aria-hidden": "true" }, ["0", "6", "12", "18", "24"].map((hour) => h("span", {}, hour)));
  return h("div", {}, picture, hours);
}

function song(one) {
  const parts = [OUTCOMES[one.outcome] || "stopped", change(one)].filter(Boolean);
  return h("li", { "data-mood": one.mood }, h("span.moodmark"), h("div.words", {}, h("b", {}, one.title), h("small", {}, [time(one.started_at), one.artist].filter(Boolean).join(" · ")),
    h("small", {}, parts.join("; "))));
}

function change({ before, after }) {
  if (!before || !after) return "";
  const step = after.affect.valence - before.affect.valence, quick = after.affect.arousal - before.affect.arousal;
  const words = [Math.abs(step) > 0.1 && (step > 0 ? "happier" : "less happy"), Math.abs(quick) > 0.1 && (quick > 0 ? "livelier" : "calmer")].filter(Boolean);
  return words.length ? `after it, the room was ${words.join(" and ")}` : "the mood stayed the same";
}
