// The view Now: the room's mood, what plays and why, what comes next.
import { button, byline, clock, command, fill, h, icon, post, round, say } from "./dom.js";
import { makePlane } from "./plane.js";
import { follow, may, position, state } from "./state.js";

const POLICIES = {
  match: ["Match", "The music fits the mood of the room."],
  lift: ["Lift", "The music meets the mood, then leads to a happier one."],
  calm: ["Calm", "The music leads to calm."],
  energise: ["Energise", "The music leads to more energy."],
  manual: ["Manual", "The music ignores the room, unless you set a mood."],
};

export function show(main) {
  main.className = "two";
  const [mood, song, next] = [moodCard(), songCard(), nextCard()];
  main.append(h("div.left", {}, mood.card, next.card), h("div.right", {}, song.card));
  const wide = matchMedia("(min-width: 860px)").matches;
  if (wide) main.replaceChildren(h("div.left", {}, mood.card), h("div.right", {}, song.card, next.card));
  if (may("household")) import("./clock.js").then(({ clockCard }) => (wide ? main.firstElementChild : main.lastElementChild)?.append(clockCard()));
  const end = follow((_, changed) => {
    if (!state.playback) return;
    mood.draw(changed);
    song.draw(changed);
    next.draw(changed);
  });
  const timer = setInterval(song.tick, 500);
  return () => (end(), clearInterval(timer));
}

function moodCard() {
  const plane = makePlane();
  const title = h("h2", { id: "mood-title" });
  const about = h("p.hint");
  const follows = button("Follow the room", () => command("mood", { mood: null }, "The mood follows the room again."), { hidden: true, className: "chip" });
  const policy = h("p.hint", { id: "policy-words" });
  const buttons = Object.entries(POLICIES).map(([name, [words]]) =>
    h("button", { type: "button", onclick: () => command("policy", { policy: name }), disabled: !may("household") }, words));
  const card = h("section.card.mood.stack", { "aria-labelledby": "mood-title" },
    h("div.row", {}, h("div.grow", {}, title, about), follows), plane.svg,
    h("div.segments", { role: "group", "aria-label": "Where the music leads" }, buttons), policy);
  function draw(changed) {
    if (changed && !["mood", "policy", "playback", "camera"].some((part) => changed.has(part))) return;
    const { mood, playback } = state;
    title.textContent = mood.source === "none" ? "No mood yet" : `The room is ${mood.name}`;
    about.textContent = moodWords(mood);
    follows.hidden = mood.source !== "manual" || !may("household");
    plane.draw(mood, playback.choice?.track);
    policy.textContent = POLICIES[state.policy]?.[1] || "";
    Object.keys(POLICIES).forEach((name, i) => buttons[i].setAttribute("aria-pressed", String(name === state.policy)));
  }
  return { card, draw };
}

function moodWords(mood) {
  if (mood.source === "manual") return "Somebody set this mood by hand.";
  if (mood.source === "none") return state.camera?.open ? "Nobody is in sight." : "The camera is off. Tap a mood to set it.";
  const faces = mood.faces === 1 ? "1 face" : `${mood.faces} faces`;
  return mood.faces ? `${faces}, ${Math.round(100 * mood.confidence)} % sure` : "Nobody is in sight now; this was the last mood.";
}

function songCard() {
  const title = h("h1", { id: "song-title" }), by = h("p"), why = h("p.why");
  let art = h("div.cover");
  const seek = h("input", { type: "range", min: 0, max: 1, step: 1, "aria-label": "Position in the song", disabled: !may("household") });
  const [done, left] = [h("span"), h("span")];
  const play = round("play", "Play", () => command("playback", { transport: "toggle" }));
  play.classList.add("big");
  const volume = h("input", { type: "range", min: 0, max: 100, "aria-label": "Volume", disabled: !may("household") });
  const mute = round("volume", "Mute", () => command("mute", { on: !state.playback.muted }));
  const percent = h("span.hint", { "aria-hidden": "true" });
  const opinion = (liking, label, said) => round(liking, label, async () => {
    if (await command("feedback", { liking }, said) && liking === "like") like.setAttribute("aria-pressed", "true");
  });
  const like = opinion("like", "Like this song", "Noted: more like this.");
  const moves = [round("previous", "Previous song", () => command("playback", { transport: "previous" })), play,
    round("next", "Next song", () => command("playback", { transport: "next" }))];
  const opinions = [opinion("dislike", "Dislike this song, and play another", "Noted: less like this."),
    opinion("never", "Never play this song again", "It will not play again. The library has the list.")];
  const rename = button(state.me.name || "My name", async () => {
    const name = prompt("Your name", state.me.name);
    if (!name) return;
    const result = await post("/api/name", { name });
    say(result.ok ? `You are ${name} now.` : result.message);
    if (result.ok) dispatchEvent(new Event("login"));
  }, { "aria-label": `You are ${state.me.name}. Change your name` });
  const vote = button("Vote to skip", () => command("vote_skip", { by: "Guest" }, "You voted to skip."), { hidden: true });
  const card = h("section.card.song.stack", { "aria-labelledby": "song-title" },
    h("div.head", {}, art, h("div.grow.stack", {}, h("div", {}, title, by))), why,
    h("div", {}, seek, h("div.times", {}, done, left)),
    may("household") && h("div.transport", {}, moves),
    h("div.opinions", {}, like, may("household") && opinions,
      may("household") ? h("div.volume", {}, mute, volume, percent) : [vote, rename]));
  let uri = "", cover = null, seeking = false, turning = 0;

  seek.addEventListener("input", () => { seeking = true; fill(seek); done.textContent = clock(seek.value); });
  seek.addEventListener("change", async () => { await command("seek", { seconds: Number(seek.value) }); seeking = false; });
  volume.addEventListener("input", () => { turning = Date.now(); fill(volume); percent.textContent = `${volume.value} %`; });
  volume.addEventListener("change", () => command("volume", { percent: Number(volume.value) }));

  function draw(changed) {
    if (changed && !changed.has("playback") && !changed.has("skip_votes")) return;
    const { playback } = state, track = playback.choice?.track;
    if (track?.uri !== uri) like.setAttribute("aria-pressed", "false");
    uri = track?.uri;
    title.textContent = track ? track.title : "Silence";
    by.textContent = track ? byline(track) || "Unknown artist" : state.health?.tracks === 0 ? "There is no music yet." : "Nothing is playing.";
    why.hidden = !playback.choice?.reason;
    why.textContent = playback.choice ? sentence(playback.choice.reason) : "";
    const playing = playback.state === "playing";
    play.replaceChildren(icon(playing ? "pause" : "play"));
    play.setAttribute("aria-label", playing ? "Pause" : "Play");
    play.title = playing ? "Pause" : "Play";
    for (const one of [like, ...opinions, seek]) one.disabled = !track || (one === seek && !may("household"));
    volume.max = playback.max_volume;
    mute.setAttribute("aria-pressed", String(Boolean(playback.muted)));
    mute.replaceChildren(icon(playback.muted ? "mute" : "volume"));
    if (Date.now() - turning > 1500) {
      volume.value = playback.volume;
      percent.textContent = `${playback.volume} %`;
    }
    fill(volume);
    vote.hidden = !state.skip_votes || !track;
    if (cover !== playback.cover) {
      cover = playback.cover;
      art.replaceWith(art = cover ? h("img.cover", { src: `/cover/${cover}`, alt: "" }) : h("div.cover", {}, icon("now")));
    }
    tick();
  }
  function tick() {
    const { playback } = state;
    if (!playback || seeking) return;
    const length = playback.choice?.track.duration_s || 0, at = Math.min(position(playback), length || Infinity);
    seek.max = length || 1;
    seek.value = at;
    seek.setAttribute("aria-valuetext", `${clock(at)} of ${clock(length)}`);
    fill(seek);
    done.textContent = playback.choice ? clock(at) : "";
    left.textContent = length ? `−${clock(length - at)}` : "";
  }
  return { card, draw, tick };
}

const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : ".");

function nextCard() {
  const list = h("ol.list"), none = h("p.hint", {}, "The device chooses the next song when this one is nearly over.");
  const add = h("a.button", { href: "/library" }, icon("add"), "Add songs");
  const card = h("section.card", { "aria-labelledby": "next-title" },
    h("div.row", {}, h("h2.grow", { id: "next-title" }, "Next"), add), none, list);
  function draw(changed) {
    if (changed && !changed.has("queue")) return;
    none.hidden = state.queue.length > 0;
    list.replaceChildren(...state.queue.map(entry));
  }
  return { card, draw };
}

function entry(item, _, all) {
  const requests = all.filter((one) => one.id), at = requests.indexOf(item); // the device's own choice may come first
  const { track, reason } = item.choice || item;
  const asked = item.id ? `${item.by ? `${item.by} asked for it` : "Somebody asked for it"}${item.votes?.length ? ` · ${item.votes.length} votes` : ""}` : sentence(reason || "");
  const move = (place) => command("move_request", { id: item.id, place });
  return h("li", { "data-mood": track.mood }, h("span.moodmark"),
    h("div.words", {}, h("b", {}, track.title), h("small", {}, byline(track)), h("small", {}, asked)),
    item.id && may("household") && [
      round("up", `Play ${track.title} earlier`, () => move(at), { disabled: at === 0 }),
      round("down", `Play ${track.title} later`, () => move(at + 2), { disabled: at >= requests.length - 1 }),
      round("remove", `Remove ${track.title}`, () => command("remove_request", { id: item.id }, "Removed."))],
    item.id && !may("household") && round("up", `Vote for ${track.title}`, () => command("vote", { id: item.id }, "You voted for it.")));
}
