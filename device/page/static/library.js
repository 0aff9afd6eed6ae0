// The view Library: search, lists, the plane of all songs, the songs that never play.
import { button, byline, clock, command, get, h, icon, round, say } from "./dom.js";
import { follow, may, state } from "./state.js";

const TABS = { plane: "Plane", moods: "Moods", artists: "Artists", albums: "Albums", playlists: "Lists", never: "Never" };
let tab = "moods";

export const me = () => state.me.name || (state.me.role === "guest" ? "Guest" : "");
export const ask = (tracks, where, words) => command("enqueue", { tracks, where, by: me() }, words);

export function show(main, query) {
  const body = h("div.stack");
  const search = h("input", { type: "search", placeholder: "Song, artist, album …", "aria-label": "Search the library", value: query.get("q") || "",
    autocomplete: "off", enterkeyhint: "search" });
  const names = Object.keys(TABS).filter((name) => may("household") || !["plane", "never"].includes(name));
  if (!names.includes(tab)) tab = "moods";
  const tabs = names.map((name) => h("button", { type: "button", onclick: () => open(name) }, TABS[name]));
  let leave = () => {}, asked = 0, waiting;

  function fresh(...content) {
    leave();
    leave = () => {};
    body.replaceChildren(...content);
  }
  async function open(name) {
    tab = name;
    search.value = "";
    names.forEach((one, i) => tabs[i].setAttribute("aria-pressed", String(one === name)));
    const number = ++asked;
    fresh(h("p.hint", {}, "Loading …"));
    try {
      const view = await views[name]();
      if (number === asked) fresh(view.node ?? view), (leave = view.leave ?? (() => {}));
    } catch (error) {
      if (number === asked) fresh(h("p.error", {}, error.message));
    }
  }
  async function find() {
    const words = search.value.trim(), number = ++asked;
    if (!words) return open(tab);
    try {
      const hits = await get(`/api/library/search?q=${encodeURIComponent(words)}`);
      if (number !== asked) return;
      tabs.forEach((one) => one.setAttribute("aria-pressed", "false"));
      const nothing = !hits.tracks.length && !hits.artists.length && !hits.albums.length;
      fresh(nothing && h("p.hint", { role: "status" }, `Nothing fits “${words}”.`), group("Artists", hits.artists.map(artist)),
        group("Albums", hits.albums.map(album)), group("Songs", hits.tracks.map((track) => song(track))));
    } catch (error) {
      say(error.message);
    }
  }
  const views = {
    plane: async () => (await import("./dots.js")).show(sheet),
    moods: async () => {
      const moods = await get("/api/library/moods");
      const tiles = Object.entries(moods).map(([name, count]) => h("button.tile", { type: "button", "data-mood": name,
        onclick: () => list(`${name} songs`, { mood: name }) }, name, h("small", {}, count === 1 ? "1 song" : `${count} songs`)));
      return tiles.length ? h("div.moods", {}, tiles) : h("p.hint", {}, "There is no music yet. Copy some onto the device, or plug in a USB drive.");
    },
    artists: () => pages("/api/library/artists?", artist),
    albums: () => pages("/api/library/albums?", album),
    playlists: async () => {
      const found = await get("/api/library/playlists");
      return found.length ? h("ul.list", {}, found.map((one) => link(one.name, `${one.entries} entries`, () => entries(one))))
        : h("p.hint", {}, "There is no playlist. Put m3u files into the music folders.");
    },
    never: async () => {
      const node = h("ul.list"), none = h("p.hint", {}, "No song is banned.");
      const draw = (_, changed) => {
        if (changed && !changed.has("never")) return;
        none.hidden = (state.never || []).length > 0;
        node.replaceChildren(...(state.never || []).map((track) => h("li", {}, words(track),
          button("Allow again", () => command("never", { uri: track.uri }, `${track.title} may play again.`)))).reverse());
      };
      return { node: h("div", {}, none, node), leave: follow(draw) };
    },
  };
  const artist = (one) => link(one.name || "Unknown artist", one.tracks === 1 ? "1 song" : `${one.tracks} songs`, () => list(one.name || "Unknown artist", { artist: one.name }));
  const album = (one) => link(one.name, [one.artist, `${one.tracks} songs`].filter(Boolean).join(" · "),
    () => list(one.name, one.artist ? { album: one.name, artist: one.artist } : { album: one.name }));
  async function list(title, selection) {
    const number = ++asked, query = new URLSearchParams(selection);
    const songs = await pages(`/api/library/tracks?${query}&`, (track) => song(track));
    if (number === asked) fresh(head(title, songs), songs);
  }
  async function entries(one) {
    const found = await get(`/api/library/entries?uri=${encodeURIComponent(one.uri)}`);
    const songs = h("ol.list", {}, found.map((entry) => entry.track ? song(entry.track)
      : h("li", {}, h("div.words", {}, entry.title, h("small", {}, entry.uri.startsWith("http") ? entry.uri : "The file is missing.")),
        entry.uri.startsWith("http") && may("household") && round("play", `Play ${entry.title}`, () => command("media", { url: entry.uri, title: entry.title })))));
    songs.keys = found.flatMap((entry) => entry.track ? [entry.track.key] : []);
    fresh(head(one.name, songs), songs);
  }
  const head = (title, songs) => h("div.row", {}, button("Back", () => open(tab)), h("h2.grow", {}, title),
    songs.keys?.length > 0 && button("Play all", () => ask(songs.keys.slice(0, 100), may("household") ? "next" : "later", `${title} comes next.`)));

  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(find, 120); });
  main.append(h("h1", { hidden: true }, "Library"), h("section.card.stack", { "aria-label": "Library" }, search,
    h("div.segments.scroll", { role: "group", "aria-label": "What to list" }, tabs), body));
  search.value ? find() : open(tab);
  return () => (leave(), clearTimeout(waiting));
}

// A list that loads more when somebody asks for it.
async function pages(url, row) {
  const list = h("ul.list"), more = button("More", load), box = h("div.stack", {}, list, more);
  box.keys = [];
  let offset = 0;
  async function load() {
    const { items, total } = await get(`${url}offset=${offset}&limit=50`);
    offset += items.length;
    list.append(...items.map(row));
    box.keys.push(...items.flatMap((one) => one.key ? [one.key] : []));
    more.hidden = offset >= total || !items.length;
    if (!total) list.replaceWith(h("p.hint", {}, "There is nothing here yet."));
  }
  await load();
  return box;
}

const group = (title, rows) => rows.length > 0 && h("section", {}, h("h2", {}, title), h("ul.list", {}, rows));
const link = (name, about, onclick) => h("li", {}, h("button.line", { type: "button", onclick }, h("b", {}, name), h("small", {}, about)));
const words = (track) => h("div.words", {}, h("b", {}, track.title), h("small", {}, byline(track)));

export function song(track) {
  return h("li", { "data-mood": track.mood }, h("span.moodmark"),
    h("button.line", { type: "button", onclick: () => sheet(track), "aria-label": `${track.title}, ${track.artist}: what to do` },
      h("b", {}, track.title), h("small", {}, [byline(track), track.duration_s ? clock(track.duration_s) : ""].filter(Boolean).join(" · "))),
    round("add", `Ask for ${track.title}`, () => ask([track.key], "later", `${track.title} comes later.`)));
}

// What to do with a song.
export function sheet(track) {
  const act = (label, where, done) => button(label, async () => { if (await ask([track.key], where, done)) box.close(); });
  const moods = ["auto", "happy", "excited", "calm", "neutral", "sad", "tense", "angry"];
  const mood = h("select", { id: "song-mood", onchange: () => command("track_mood", { mood: mood.value === "auto" ? null : mood.value, track: track.key },
    "Corrected. The device learns from it.") }, moods.map((name) => h("option", { value: name, selected: name === track.mood }, name === "auto" ? "as the device hears it" : name)));
  const box = h("dialog.stack", { "aria-labelledby": "sheet-title", onclose: () => box.remove() },
    h("div", {}, h("h2", { id: "sheet-title" }, track.title), h("p.hint", {}, byline(track))),
    may("household") && [act("Play now", "now", ""), act("Play next", "next", `${track.title} comes next.`)],
    act("Play later", "later", `${track.title} comes later.`),
    may("household") && h("label", { htmlFor: "song-mood" }, "Mood of this song", mood),
    button("Close", () => box.close()));
  document.body.append(box);
  box.showModal();
}
