// The view Now: what plays and why, what comes next, the room's mood.
import { clockCard } from "./clock.js";
import {
  askFor, button, byline, chip, clock, command, count, every, h, hint, input, joined, line, post, press, put, redraw, round, row, tell,
} from "./dom.js";
import { icon } from "./icons.js";
import { makePlane } from "./plane.js";
import { follow, may, position, state } from "./state.js";

const POLICIES = {
  match: "The music fits the mood of the room.",
  lift: "The music meets the mood, then leads to a happier one.",
  calm: "The music leads to calm.",
  energise: "The music leads to more energy.",
  manual: "The music ignores the room, unless you set a mood.",
};

export function show() {
  return h("div.two.now", {}, h("div.right", {}, songCard(), nextCard()), h("div.left", {}, moodCard(), may("household") && clockCard()));
}

// --- What plays ---

function songCard() {
  const title = h("h1", { id: "song-title" }), by = h("p"), why = h("p.why"), rooms = hint(), question = hint(), art = h("div.cover");
  const ask = button("Ask who likes it", () => command("ask")), asking = row(question, ask), outside = h("p.grow"), stop = row(outside, button("Stop it", () => command("stop_media")));
  const household = may("household"), opinions = opinionButtons(), seek = seekBar();
  const step = (transport, label) => round(transport, label, () => command("playback", { transport }));
  const play = round("play", "Play", () => command("playback", { transport: "toggle" }));
  play.classList.add("big");
  const card = h("section.card.song.stack", { "aria-labelledby": "song-title" },
    h("div.head", {}, art, h("div.grow", {}, title, by)), why, asking, rooms, stop, seek,
    household && h("div.transport", {}, opinions[0], step("previous", "Previous song"), play, step("next", "Next song"), opinions[1]),
    household ? [volumeBar(opinions[2]), groupVolume()] : h("div.transport", {}, opinions[0], voteButton(), nameButton()));

  let cover = null;
  follow(card, ["playback", "health", "group", "question", "camera"], () => {
    const { choice, foreign, announcement, state: doing, cover: picture } = state.playback, track = choice?.track;
    card.dataset.mood = track?.mood || "neutral";
    put(title, track ? track.title : "Silence");
    put(by, track ? byline(track) || "Unknown artist" : state.health?.tracks === 0 ? "There is no music yet." : "Nothing is playing.");
    put(why, choice && sentence(choice.reason));
    const others = state.group?.members.filter((one) => one.id !== state.group.me).map((one) => one.name || one.id) || [];
    put(rooms, others.length > 0 && `Together with ${others.join(", ")}`);
    ask.hidden = !household || state.question || !state.camera?.open || !track || foreign;
    asking.hidden = ask.hidden && !state.question;
    put(question, state.question && "Do you like it? Nod, or shake your head.");
    stop.hidden = !household || !(foreign || announcement);
    put(outside, announcement ? `Announcement: ${announcement.title}` : "This comes from outside the library.");
    put(play, icon(doing === "playing" ? "pause" : "play"));
    play.ariaLabel = play.title = doing === "playing" ? "Pause" : "Play";
    for (const one of opinions) one.disabled = !track || foreign;
    if (cover !== picture) put(art, (cover = picture) ? h("img", { src: `/cover/${cover}`, alt: "" }) : icon("now"));
  });
  return card;
}

const sentence = (words) => words && words.charAt(0).toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : ".");

function opinionButtons() {
  let liked = "";
  const opinion = (liking, label, said) => round(liking, label, async () => {
    const key = state.playback.choice?.track.key;
    if (await command("feedback", { liking }, said) && liking === "like") press(like, (liked = key));
  });
  const like = opinion("like", "Like this song", "Noted: more like this.");
  follow(like, ["playback"], () => press(like, liked && liked === state.playback.choice?.track.key));
  return [like, opinion("dislike", "Dislike this song, and play another", "Noted: less like this."),
    opinion("never", "Never play this song again", "It will not play again. The library has the list.")];
}

// A slider that `to` moves, except while somebody holds it. `show` gets its value and its end.
function slider(ariaLabel, show, send) {
  let moved = 0;
  const bar = input("range", { min: 0, ariaLabel, disabled: !may("household"), onchange: () => send(Number(bar.value)) });
  const draw = () => show(Number(bar.value), Number(bar.max));
  bar.oninput = () => { moved = Date.now(); draw(); };
  bar.to = (value, max) => {
    if (Date.now() < moved + 1500) return;
    Object.assign(bar, { max, value });
    draw();
  };
  return bar;
}

function seekBar() {
  const done = h("span"), left = h("span");
  const bar = slider("Position in the song", (at, length) => {
    bar.ariaValueText = `${clock(at)} of ${clock(length)}`;
    put(done, clock(at));
    put(left, `−${clock(length - at)}`);
  }, (seconds) => command("seek", { seconds }));
  const box = h("div", {}, bar, h("div.times", {}, done, left));
  const draw = () => {
    const { choice, position: at } = state.playback, length = choice?.track.duration_s;
    box.hidden = !length;
    if (length) bar.to(position(at), length);
  };
  follow(box, ["playback"], draw);
  every(500, box, () => state.playback && draw());
  return box;
}

function volume(label, name) {
  const figure = h("span.hint", { ariaHidden: "true" });
  return [slider(label, (value) => put(figure, `${value}%`), (percent) => command(name, { percent })), figure];
}

function volumeBar(never) {
  const mute = round("volume", "Mute", () => command("mute", { on: !state.playback.muted })), [bar, figure] = volume("Volume", "volume");
  follow(bar, ["playback"], () => {
    const { muted, volume, max_volume: most } = state.playback;
    put(press(mute, muted), icon(muted ? "mute" : "volume"));
    bar.to(volume, most);
  });
  return h("div.row.tight.volume", {}, mute, bar, figure, never);
}

function groupVolume() {
  const [bar, figure] = volume("Volume of all rooms", "group_volume"), box = h("div.row.tight.volume", {}, h("span.hint", {}, "All rooms"), bar, figure);
  follow(box, ["group"], () => {
    box.hidden = state.group.members.length < 2;
    bar.to(state.group.volume, 100);
  });
  return box;
}

function voteButton() {
  const vote = button("Vote to skip", () => command("vote_skip", { by: "Guest" }, "You voted to skip."));
  follow(vote, ["skip_votes", "playback"], () => {
    const { voters, needed } = state.skip_votes;
    put(vote, voters.length ? `Vote to skip (${voters.length} of ${needed})` : "Vote to skip");
    vote.disabled = !state.playback?.choice;
  });
  return vote;
}

const nameButton = () => button(state.me.name, () => askFor("Your name", "Name", state.me.name, async (name) => {
  const done = tell(await post("/api/name", { name }), `You are ${name} now.`);
  if (done) dispatchEvent(new Event("login"));
  return done;
}), { ariaLabel: `You are ${state.me.name}. Change your name` });

// --- What comes next ---

function nextCard() {
  const list = h("ol.list"), none = hint("The device chooses the next song when this one is nearly over.");
  const save = button("Save as a playlist", async () => (await import("./library.js")).savePlaylist(queued()));
  const queued = () => state.queue.map((one) => one.choice.track.uri);
  const tools = row(save), add = h("a.button", { href: "/library" }, icon("add"), "Add songs");
  const card = h("section.card.stack.next", { ariaLabel: "Next" }, row(h("h2.grow", {}, "Next"), add), none, list, may("household") && tools);
  follow(card, ["queue"], () => {
    none.hidden = state.queue.length > 0;
    tools.hidden = !state.queue.some((one) => one.id);
    redraw(list, state.queue.map(entry));
  });
  return card;
}

function entry({ id, by, votes, choice: { track, reason } }) {
  const requests = state.queue.filter((one) => one.id); // the device's own choice may come first
  const at = requests.findIndex((one) => one.id === id);
  const asked = id ? joined(`${by || "Somebody"} asked for it`, votes.length > 0 && count(votes.length, "vote")) : sentence(reason);
  const move = (place) => command("move_request", { id, place });
  const tools = id && (may("household") ? [
    round("up", `Play ${track.title} earlier`, () => move(at), { disabled: at === 0 }),
    round("down", `Play ${track.title} later`, () => move(at + 2), { disabled: at >= requests.length - 1 }),
    round("remove", `Remove ${track.title}`, () => command("remove_request", { id }, "Removed."))]
    : round("up", `Vote for ${track.title}`, () => command("vote", { id }, "You voted for it.")));
  return line(track.title, [byline(track), asked], null, track.mood, tools || []);
}

// --- The mood ---

function moodCard() {
  const plane = makePlane(), title = h("h2", { id: "mood-title" }), about = hint(), policy = hint();
  const back = chip("Follow the room", false, () => command("mood", { mood: null }, "The mood follows the room again."));
  const policies = Object.keys(POLICIES).map((name) =>
    h("button", { name, onclick: () => command("policy", { policy: name }), disabled: !may("household") }, name));
  const card = h("section.card.mood.stack", { "aria-labelledby": "mood-title" }, row(h("div.grow", {}, title, about), back), plane.svg,
    h("div.segments", { role: "group", ariaLabel: "Where the music leads" }, policies), policy, may("household") && activities());
  follow(card, ["mood", "policy", "playback", "camera"], () => {
    const { mood, playback } = state;
    put(title, mood.source === "none" ? "No mood yet" : `The room is ${mood.name}`);
    put(about, moodWords(mood));
    back.hidden = mood.source !== "manual" || !may("household");
    plane.draw(mood, playback?.choice?.track);
    put(policy, POLICIES[state.policy]);
    for (const one of policies) press(one, one.name === state.policy);
  });
  return card;
}

function moodWords(mood) {
  if (mood.source === "manual") return "Somebody set this mood by hand.";
  if (mood.source === "none" && state.camera?.open) return "Nobody is in sight.";
  if (mood.source === "none") return may("household") ? "The camera is off. Tap a mood to set it." : "The camera is off.";
  return mood.faces ? `${count(mood.faces, "face")}, ${Math.round(100 * mood.confidence)}% sure` : "Nobody is in sight now; this was the last mood.";
}

// What people are doing, which leans the music.
function activities() {
  const chips = h("div.row", { role: "group", ariaLabel: "What you are doing" });
  follow(chips, ["context"], () => {
    const { activity } = state.context, names = [...new Set([...(state.me.activities || []), activity])].filter(Boolean);
    redraw(chips, names.map((name) => chip(name, name === activity, () => command("context", { activity: name === activity ? "" : name },
      name === activity ? "Noted." : `The music leans to what fits ${name}.`))));
  });
  return chips;
}
