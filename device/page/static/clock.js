// Music by the clock: the sleep timer, the alarms and quiet hours, as a card of the view Now.
import {
  button, card, chip, command, count, field, form, get, h, hint, input, joined, line, main, press, put, redraw, round, row, select,
  sentences, timeOfDay, two,
} from "./dom.js";
import { follow, state } from "./state.js";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const SLEEP = [0, 15, 30, 45, 60, 90, 120];
const MOODS = ["happy", "excited", "calm", "neutral"];
const NEW = { id: 0, minute: 420, days: [0, 1, 2, 3, 4], on: true, mood: null, folder: "", playlist: "", volume: 40, rise_s: 300 };
const time = (minute) => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
const days = (alarm) => (alarm.days.length === 7 ? "every day" : alarm.days.map((day) => DAYS[day]).join(" ") || "once");

function nameOf(uri) {
  const last = uri.replace(/\/$/, "").split("/").pop();
  try {
    return decodeURIComponent(last);
  } catch { // a name that is not valid text
    return last;
  }
}

export function clockCard() {
  const sleep = h("select", { onchange: () => command("sleep", { minutes: Number(sleep.value) },
    sleep.value === "0" ? "The sleep timer is off." : `The music fades out in ${sleep.value} minutes.`) });
  const list = h("ul.list"), about = hint();
  const ringing = row(h("b", { role: "alert" }, "An alarm is ringing."), button("Snooze", () => command("snooze_alarm")),
    main("Stop", () => command("stop_alarm")));
  const quiet = chip("Quiet now", false, () => command("quiet", { on: !state.schedule.quiet }));
  const box = card("Sleep and alarms", ringing, field("Sleep timer", sleep), list, about,
    row(button("Add an alarm", () => edit(NEW)), quiet));
  follow(box, ["schedule"], () => {
    const { sleep_until: until, alarms, next_alarm: next, ringing: rings, quiet: silent, ceiling, children_left_min: children } = state.schedule;
    const minutes = until ? Math.max(1, Math.round((until - Date.now() / 1000) / 60)) : 0;
    put(sleep, [...new Set([...SLEEP, minutes])].sort((a, b) => a - b).map((one) =>
      h("option", { value: one, selected: one === minutes }, one ? count(one, "minute") : "off")));
    const day = next && new Date(1000 * next).toLocaleDateString([], { weekday: "long" });
    put(about, sentences(until && `The music stops at ${timeOfDay(until)}.`, next && `The next alarm rings on ${day} at ${timeOfDay(next)}.`,
      silent && `Quiet hours: at most ${ceiling}%.`, children != null && `The children may listen for ${count(children, "more minute")}.`));
    ringing.hidden = rings == null;
    press(quiet, silent);
    redraw(list, alarms.map(alarmLine));
  });
  return box;
}

function alarmLine(alarm) {
  const { id, minute, mood, playlist, folder, volume } = alarm, at = time(minute);
  const on = input("checkbox", { checked: alarm.on, ariaLabel: `Alarm at ${at}`, onchange: () => command("switch_alarm", { id, on: on.checked }) });
  return h("li", {}, on,
    ...line(at, joined(days(alarm), mood || playlist || nameOf(folder), `${volume}%`), () => edit(alarm)).children,
    round("remove", `Remove the alarm at ${at}`, () => command("remove_alarm", { id })));
}

// What an alarm plays, as pairs of a value and words. The value is a field of the alarm and what goes into it.
async function musicChoices(now, name) {
  const read = (path) => get(`/api/library/${path}`).catch(() => []);
  const folders = await read("folders");
  const inside = (await Promise.all(folders.map((one) => read(`folders?uri=${encodeURIComponent(one.uri)}`)))).flat();
  const choices = [["", "Whatever fits"], ...MOODS.map((name) => [`mood:${name}`, `Something ${name}`]),
    ...state.playlists.map((name) => [`playlist:${name}`, `Playlist ${name}`]),
    ...[...folders, ...inside].map(({ uri, name }) => [`folder:${uri}`, `Folder ${name}`])];
  return choices.some(([value]) => value === now) ? choices : [...choices, [now, name]]; // it may be gone
}

async function edit(alarm) {
  const { mood, playlist, folder } = alarm;
  const chosen = mood ? `mood:${mood}` : playlist ? `playlist:${playlist}` : folder && `folder:${folder}`;
  const at = input("time", { required: true, value: time(alarm.minute) });
  const turn = ({ target }) => press(target, target.ariaPressed !== "true");
  const boxes = DAYS.map((name, i) => press(h("button", { onclick: turn }, name), alarm.days.includes(i)));
  const music = select(await musicChoices(chosen, mood || playlist || nameOf(folder)), chosen);
  const volume = input("number", { min: 1, max: 100, value: alarm.volume, required: true });
  const rise = input("number", { min: 0, max: 60, value: Math.round(alarm.rise_s / 60), required: true });
  form("Alarm", [field("Time", at), h("div.segments", { role: "group", ariaLabel: "Days; none means once" }, boxes), field("Music", music),
    field("Volume in percent", volume), field("Minutes until it is that loud", rise)], "Set", () => {
    const [hours, minutes] = at.value.split(":").map(Number), [kind, ...what] = music.value.split(":");
    const chosen = { mood: null, playlist: "", folder: "", ...(kind && { [kind]: what.join(":") }) };
    const days = boxes.flatMap((one, i) => (one.ariaPressed === "true" ? [i] : []));
    return command("set_alarm", { alarm: { id: alarm.id, on: alarm.on, minute: 60 * hours + minutes, days, ...chosen,
      volume: Number(volume.value), rise_s: 60 * rise.value } }, "The alarm is set.");
  });
}
