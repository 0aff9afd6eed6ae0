// The view People: whose taste counts now, guests, and forgetting a person.
import { bad, button, card, chip, columns, command, confirm, dialog, field, h, hint, input, line, post, put, redraw, row, say, send, submit } from "./dom.js";
import { s } from "./icons.js";
import { follow, state } from "./state.js";

const EVERYONE = "everyone";

export function show() {
  const present = h("div.row", { role: "group", ariaLabel: "Who is here" }), learned = h("ul.list"), why = hint();
  const mode = input("checkbox", { onchange: () => command("guests", { on: mode.checked },
    mode.checked ? "The device learns nothing until you switch this off." : "The device learns again.") });
  const name = input("text", { maxLength: 64, required: true });
  const add = h("form.row.tight.end", submit(async () => {
    if (await command("presence", { name: name.value.trim(), here: true }, `${name.value.trim()} is here.`)) name.value = "";
  }), h("div.grow", {}, field("Somebody new", name)), send("Add"));

  follow(present, ["people"], () => {
    const { profiles, known, guests } = state.people, here = profiles.filter((one) => one !== EVERYONE);
    const names = [...new Set([...known, ...here])].filter((one) => one !== EVERYONE).sort();
    mode.checked = guests;
    redraw(present, chip("Everyone", !here.length, () => command("present", { names: [] })),
      names.map((one) => chip(one, here.includes(one), () => command("presence", { name: one, here: !here.includes(one) }))));
    put(why, here.length > 1 ? "The device looks for music that all of you like. Whoever heard less of it lately counts more."
      : here.length ? `Only what ${here[0]} likes counts now.` : "Nobody is named, so what all of you taught counts.");
    redraw(learned, [EVERYONE, ...names].map((one) => line(one === EVERYONE ? "Everyone together" : one, "", null, null,
      bad("Delete", () => forget(one), { ariaLabel: `Delete ${one}` }))));
  });
  return columns([
    card("Whose taste counts now", hint("Tap everybody who is here. Affetto recognises nobody: only you say who is here."), present, why, add),
    card("Guests", h("label.row.tight", {}, mode, "Guests are here: learn nothing"), row(button("Invite guests", invite)))],
  card("What the device has learnt", learned));
}

const forget = (name) => confirm(`Delete ${name === EVERYONE ? "what all people taught" : name}?`,
  "This deletes likes, skips and diary for good.", "Delete", async () => {
    const done = await command("forget", { scope: "person", name }, "Deleted.");
    if (done && name !== EVERYONE) command("presence", { name, here: false });
  });

// Shows a QR code that invites guests.
async function invite() {
  const { ok, message, rows, url, hours } = await post("/api/invitation", {});
  if (!ok) return say(message);
  const size = rows.length + 8; // with a margin
  const path = rows.flatMap((row, y) => [...row].map((one, x) => (one === "1" ? `M${x + 4} ${y + 4}h1v1h-1z` : ""))).join("");
  const about = "Let a guest's phone in your Wi-Fi scan this code. Its page can ask for songs, like and vote.";
  dialog("Invite guests", (close) => [hint(about),
    s("svg", { viewBox: `0 0 ${size} ${size}`, class: "qr", role: "img", "aria-label": "QR code of the invitation" }, s("path", { d: path })),
    hint(`It works for ${hours} hours from now. To send it, copy `, h("a", { href: url }, "the link"), "."), row(button("Close", close))]);
}
