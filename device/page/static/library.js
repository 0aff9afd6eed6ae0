// The view Library: search, lists, playlists, the plane, bans.
import {
  askFor, bad, button, byline, clock, command, confirm, count, dialog, field, get, h, hint, input, joined, line, load, press, put, redraw, round, row,
  select,
} from "./dom.js";
import { MOODS } from "./plane.js";
import { follow, may, state } from "./state.js";

const TABS = { plane, moods, artists: () => all("artists", artist), albums: () => all("albums", album), lists: playlists, never };
const NOT_FOR_GUESTS = ["plane", "never"];
const MOST = 100; // songs of a list at once
let tab = "moods", open = () => {}; // `open` shows a list, or another thing that `job` makes, in the view

export function show() {
  const body = h("div.stack"), names = Object.keys(TABS).filter((name) => may("household") || !NOT_FOR_GUESTS.includes(name));
  if (!names.includes(tab)) tab = "moods";
  const tabs = names.map((name) => h("button", { name, onclick: () => choose(name) }, name));
  const search = input("search", { placeholder: "Song, artist, album …", ariaLabel: "Search the library", enterKeyHint: "search" });
  let waiting;
  const mark = (name) => tabs.forEach((one) => press(one, one.name === name));
  open = (job) => load(body, job);
  function choose(name) {
    tab = name;
    search.value = "";
    mark(name);
    put(body, hint("Loading …"));
    open(TABS[name]);
  }
  function find() {
    const words = search.value.trim();
    if (!words) return choose(tab);
    mark("");
    open(() => found(words));
  }
  search.oninput = () => { clearTimeout(waiting); waiting = setTimeout(find, 120); };
  choose(tab);
  return h("section.card.stack", { ariaLabel: "Library" }, search,
    h("div.segments", { role: "group", ariaLabel: "What to list" }, tabs), body);
}

const read = (path) => get(`/api/library/${path}`);
const home = () => open(TABS[tab]);
const nothing = (words) => h("p.hint", { role: "status" }, words);
const songs = (number) => count(number, "song");

async function found(words) {
  const hits = await read(`search?q=${encodeURIComponent(words)}`);
  const group = (title, rows) => rows.length > 0 && h("section", {}, h("h2", {}, title), h("ul.list", {}, rows));
  const groups = [group("Artists", hits.artists.map(artist)), group("Albums", hits.albums.map(album)),
    group("Songs", hits.tracks.map((track) => song(track)))];
  return groups.some(Boolean) ? groups : nothing(`Nothing fits “${words}”.`);
}

async function moods() {
  const found = Object.entries(await read("moods"));
  if (!found.some(([, number]) => number)) return nothing("There is no music yet. Copy some onto the device, or plug in a USB drive.");
  return h("ul.list", {}, found.map(([name, number]) => line(name, songs(number), () => open(() => list(`${name} songs`, { mood: name })), name)));
}

const all = async (what, draw) => (await pages(`${what}?`, draw)).node;
const artist = ({ name, tracks }) => line(name || "Unknown artist", songs(tracks),
  () => open(() => list(name || "Unknown artist", { artist: name })));
const album = ({ name, artist, tracks }) => line(name, joined(artist, songs(tracks)),
  () => open(() => list(name, { album: name, ...(artist && { artist }) })));

async function list(title, selection) {
  const { node, shown } = await pages(`tracks?${new URLSearchParams(selection)}&`, song);
  const save = button("Save as a playlist", () => savePlaylist(shown.map((one) => one.uri), title));
  return [head(title, shown.length > 0 && [playAll(title, shown), may("household") && save]), node];
}

// A list that loads more when somebody asks for it; `shown` are the items so far.
async function pages(url, draw) {
  const items = h("ul.list"), more = button("More", next), shown = [];
  async function next() {
    const { items: found, total } = await read(`${url}offset=${shown.length}&limit=${MOST}`);
    shown.push(...found);
    items.append(...found.map((one) => draw(one)));
    more.hidden = shown.length >= total || !found.length;
  }
  await next();
  return { node: shown.length ? h("div.stack", {}, items, more) : nothing("There is nothing here yet."), shown };
}

const head = (title, ...buttons) => h("div.stack", {}, row(button("Back", home), h("h2.grow", {}, title)), row(buttons));
const playAll = (title, tracks) => button("Play all", () => ask(tracks.slice(0, MOST), may("household") ? "next" : "later", `${title} comes next.`));

// --- Playlists ---

const lists = () => read("playlists");
const addRadio = (name, then) => button("Add a radio station", () => askFor("Add a radio station", "Address of its stream", "http://",
  async (uri) => await addTo(name, { title: "The station", uri }) && (then(), true), 2048));
const entries = (playlist) => read(`entries?uri=${encodeURIComponent(playlist.uri)}`);

async function playlists() {
  const found = await lists();
  return [found.length ? h("ul.list", {}, found.map((one) => line(one.name, songs(one.entries), () => open(() => playlist(one)))))
    : nothing("There is no playlist yet. Save the queue or a list as one, or put m3u files into the music folders."),
  may("household") && row(addRadio("Radio", home))];
}

async function playlist(one) {
  const all = await entries(one), uris = all.map((entry) => entry.uri);
  const without = async (place, title) => {
    const rest = { name: one.name, uris: uris.toSpliced(place, 1) };
    if (await command("save_playlist", rest, `Removed ${title}.`)) open(() => playlist(one));
  };
  const drop = () => confirm(`Delete ${one.name}?`, "The songs stay. You cannot undo that.", "Delete",
    async () => await command("remove_playlist", { name: one.name }, `Deleted ${one.name}.`) && home());
  const tools = ({ track, title }, place) => {
    const name = track?.title || title;
    return may("household") ? round("remove", `Take ${name} out`, () => without(place, name)) : [];
  };
  const play = button("Play it now", () => command("play_playlist", { playlist: one.name, where: "now" }, `${one.name} plays.`));
  const buttons = may("household") ? [play, addRadio(one.name, () => open(() => playlist(one))), bad("Delete", drop)] : playAll(one.name, all.flatMap((entry) => entry.track || []));
  return [head(one.name, buttons), h("ol.list", {}, all.map((entry, place) =>
    entry.track ? song(entry.track, tools(entry, place)) : stream(entry, tools(entry, place))))];
}

function stream({ title, uri }, tools) {
  const radio = uri.startsWith("http"), play = () => command("media", { url: uri, title }, `${title} plays.`);
  return line(title, radio ? uri : "The file is missing.", null, null, radio && may("household") && round("play", `Play ${title}`, play), tools);
}

export function savePlaylist(uris, suggestion = "") {
  askFor("Save as a playlist", "Name", suggestion, (name) => {
    const save = () => command("save_playlist", { name, uris }, `Saved ${name} with ${songs(uris.length)}.`);
    if (!state.playlists.includes(name)) return save();
    return confirm(`Replace ${name}?`, "There is a playlist with this name already.", "Replace", save);
  });
}

async function addTo(name, track) {
  if (!name) return savePlaylist([track.uri]);
  const known = (await lists()).find((one) => one.name === name), all = known ? await entries(known) : [];
  return command("save_playlist", { name, uris: [...all.map((one) => one.uri), track.uri] }, `${track.title} is in ${name} now.`);
}

// --- Songs ---

const ask = (tracks, where, words) =>
  command("enqueue", { tracks: tracks.map((one) => one.key), where, by: state.me.name || (may("household") ? "" : "Guest") }, words);

function song(track, tools = []) {
  return line(track.title, joined(byline(track), track.duration_s && clock(track.duration_s)), () => sheet(track), track.mood,
    round("add", `Ask for ${track.title}`, () => ask([track], "later", `${track.title} comes later.`)), tools);
}

// What to do with a song.
function sheet(track) {
  const doubt = { unsure: " (a guess)", "not music": " (no music?)" }[track.origin] || "";
  dialog(track.title, (close) => {
    const act = (label, where, done) => button(label, async () => await ask([track], where, done) && close());
    const moods = [["", "as the device hears it"], ...Object.keys(MOODS).map((name) => [name, name])];
    const correct = () => command("track_mood", { mood: mood.value || null, track: track.key }, "Corrected. The device learns from it.");
    const mood = select(moods, track.mood, { onchange: correct });
    const add = select([["-", "…"], ...(state.playlists || []).map((name) => [name, name]), ["", "A new playlist"]], "-",
      { onchange: () => { close(); addTo(add.value, track); } });
    const later = act("Later", "later", `${track.title} comes later.`);
    return [hint(byline(track)), may("household")
      ? [row(act("Play now", "now", ""), act("Next", "next", `${track.title} comes next.`), later), field(`Mood of this song${doubt}`, mood),
        field("Add to a playlist", add)]
      : row(later), row(button("Close", close))];
  });
}

async function plane() {
  return (await import("./dots.js")).show(sheet);
}

async function never() {
  const banned = h("ul.list"), none = hint("No song is banned.");
  follow(banned, ["never"], () => {
    none.hidden = state.never.length > 0;
    redraw(banned, state.never.map((track) => line(track.title, byline(track), null, null,
      button("Allow again", () => command("never", { uri: track.uri }, `${track.title} may play again.`)))).reverse());
  });
  return [none, banned];
}
