// Music by the clock: the sleep timer and the alarms, as a card of the view Now.
import { button, command, h, round } from "./dom.js";
import { follow, state } from "./state.js";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const SLEEP = [0, 15, 30, 45, 60, 90, 120];
const MOODS = ["", "happy", "excited", "calm", "neutral"];
const time = (minute) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
const days = (alarm) => (alarm.days.length === 7 ? "every day" : alarm.days.map((day) => DAYS[day]).join(" ") || "once");

export function clockCard() {
  const sleep = h("select", { id: "sleep", onchange: () => command("sleep", { minutes: Number(sleep.value) },
    sleep.value === "0" ? "The sleep timer is off." : `The music fades out in ${sleep.value} minutes.`) });
  const left = h("p.hint"), list = h("ul.list"), quiet = h("p.hint");
  const ringing = h("div.row", { hidden: true, role: "alert" }, h("b.grow", {}, "An alarm is ringing."),
    button("Snooze", () => command("snooze_alarm")), button("Stop", () => command("stop_alarm"), { className: "button main" }));
  const card = h("section.card.stack", { "aria-labelledby": "clock-title" }, h("h2", { id: "clock-title" }, "Sleep and alarms"), ringing,
    h("label", { htmlFor: "sleep" }, "Sleep timer", sleep), left, list, quiet, h("div.row", {}, button("Add an alarm", edit)));
  const end = follow((_, changed) => {
    if (!card.isConnected && changed) return end();
    if (!state.schedule || (changed && !changed.has("schedule"))) return;
    const { sleep_until: until, alarms, ringing: rings, quiet: silent, ceiling, children_left_min: children } = state.schedule;
    const minutes = until ? Math.max(1, Math.round((until - Date.now() / 1000) / 60)) : 0;
    const choices = [...new Set([...SLEEP, minutes])].sort((a, b) => a - b);
    sleep.replaceChildren(...choices.map((one) => h("option", { value: one, selected: one === minutes }, one ? `${one} minutes` : "off")));
    left.textContent = until ? `The music stops at ${new Date(until * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}.` : "";
    quiet.textContent = [silent && `Quiet hours: at most ${ceiling} %.`, children != null && `The children may listen for ${children} more minutes.`].filter(Boolean).join(" ");
    ringing.hidden = rings == null;
    list.replaceChildren(...alarms.map((alarm) => h("li", {},
      h("input", { type: "checkbox", checked: alarm.on, "aria-label": `Alarm at ${time(alarm.minute)}`, onchange: (event) => command("switch_alarm", { id: alarm.id, on: event.target.checked }) }),
      h("button.line", { type: "button", onclick: () => edit(alarm) }, h("b", {}, ` ${time(alarm.minute)}`), h("small", {}, [days(alarm), alarm.mood, `${alarm.volume} %`].filter(Boolean).join(" · "))),
      round("remove", `Remove the alarm at ${time(alarm.minute)}`, () => command("remove_alarm", { id: alarm.id })))));
  });
  return card;
}

function edit(old) {
  const alarm = old.id ? old : { id: 0, minute: 420, days: [0, 1, 2, 3, 4], on: true, mood: null, folder: "", playlist: "", volume: 40, rise_s: 300 };
  const at = h("input", { type: "time", id: "alarm-time", required: true, value: time(alarm.minute) });
  const boxes = DAYS.map((name, i) => h("button.chip", { type: "button", "aria-pressed": String(alarm.days.includes(i)),
    onclick: (event) => event.target.setAttribute("aria-pressed", String(event.target.getAttribute("aria-pressed") !== "true")) }, name));
  const mood = h("select", { id: "alarm-mood" }, MOODS.map((name) => h("option", { value: name, selected: name === (alarm.mood || "") }, name || "whatever fits")));
  const volume = h("input", { type: "number", id: "alarm-volume", min: 1, max: 100, value: alarm.volume, required: true });
  const box = h("dialog", { "aria-labelledby": "alarm-title", onclose: () => box.remove() }, h("form.stack", { onsubmit: async (event) => {
    event.preventDefault();
    const [hours, minutes] = at.value.split(":").map(Number), { since, ...kept } = alarm;
    const made = { ...kept, minute: 60 * hours + minutes, days: boxes.flatMap((one, i) => (one.getAttribute("aria-pressed") === "true" ? [i] : [])),
      mood: mood.value || null, volume: Number(volume.value) };
    if (await command("set_alarm", { alarm: made }, "The alarm is set.")) box.close();
  } }, h("h2", { id: "alarm-title" }, "Alarm"), h("label", { htmlFor: "alarm-time" }, "Time", at),
  h("div.row", { role: "group", "aria-label": "Days; none means once" }, boxes), h("label", { htmlFor: "alarm-mood" }, "Music", mood),
  h("label", { htmlFor: "alarm-volume" }, "Volume in percent", volume), h("p.hint", {}, "The volume rises over five minutes."),
  h("div.row", {}, h("button.button.main", { type: "submit" }, "Set"), button("Cancel", () => box.close()))));
  document.body.append(box);
  box.showModal();
}
