// The view Settings: health, every setting of the device, a backup, the login.
import { button, get, h, post, say } from "./dom.js";
import { confirm } from "./people.js";
import { follow, may, state } from "./state.js";

export function show(main) {
  const settings = h("div.stack");
  main.append(health(), settings, account());
  let end = () => {};
  if (may("owner")) load(settings);
  else settings.append(h("section.card.stack", {}, h("h2", {}, "Settings"), h("p", {}, `Only the owner may change settings.`),
    h("div.row", {}, button("Log in as owner", async () => (await import("./login.js")).login()))));
  return () => end();
}

function health() {
  const title = h("h2"), list = h("ul.list"), figures = h("p.hint"), found = h("ul.list");
  const examine = button("Check the device", async () => {
    examine.disabled = true;
    found.replaceChildren(h("li.hint", { role: "status" }, "This takes some seconds …"));
    try {
      const { findings } = await get("/api/check");
      found.replaceChildren(...findings.map((one) => h("li", {}, h("span.sign", { className: `sign ${one.verdict}` }, { well: "✓", note: "–", problem: "✗" }[one.verdict]),
        h("div.words", {}, h("b", {}, one.part), h("small", {}, one.words), one.advice && h("small", {}, `→ ${one.advice}`)))));
    } catch (error) {
      found.replaceChildren(h("li.error", {}, error.message));
    }
    examine.disabled = false;
  });
  const card = h("section.card.stack", { "aria-live": "polite" }, title, list, figures, may("owner") && h("div.row", {}, examine), found);
  const end = follow((_, changed) => {
    if (!card.isConnected && changed) return end();
    if (!state.health || (changed && !changed.has("health"))) return;
    const { problems, notes, tracks, analysed, uptime_s: up, figures: process } = state.health;
    title.textContent = problems.length ? "Something needs your attention" : "All is well";
    list.replaceChildren(...problems.map((one) => h("li.error", {}, one)), ...notes.map((one) => h("li.hint", {}, one)));
    const days = up < 7200 ? `${Math.round(up / 60)} min` : up < 172800 ? `${Math.round(up / 3600)} h` : `${Math.round(up / 86400)} days`;
    figures.textContent = [`${tracks} songs, ${analysed} analysed`, `on for ${days}`, process.memory_mb && `${Math.round(process.memory_mb)} MB of memory`].filter(Boolean).join(" · ");
  });
  return card;
}

async function load(box) {
  try {
    const { answer } = await get("/api/settings");
    box.replaceChildren(h("section.card", {}, h("h2", {}, "Settings"), h("p.hint", {}, "They take effect after a restart. The music goes on where it stopped."), answer.map(section)), backup());
  } catch (error) {
    box.replaceChildren(h("section.card.stack", {}, h("h2", {}, "Settings"), h("p.error", {}, error.message)));
  }
}

function section({ name, words, settings }) {
  const fields = settings.map((one) => field(name, one)), error = h("p.error", { role: "alert" });
  const save = h("button.button.main", { type: "submit" }, "Save");
  const form = h("form.stack", { onsubmit: async (event) => {
    event.preventDefault();
    const changed = fields.filter((one) => one.changed()), change = Object.fromEntries(changed.map((one) => [one.where, one.value()]));
    if (!changed.length) return say("Nothing has changed.");
    const result = await post("/api/settings", { change });
    error.textContent = result.ok ? "" : result.message;
    if (!result.ok) return;
    changed.forEach((one) => one.kept());
    restart("Saved");
  } }, fields.map((one) => one.node), error, h("div.row", {}, save));
  return h("details", {}, h("summary", {}, h("span.grow", {}, { mqtt: "MQTT", upnp: "UPnP" }[name] || name[0].toUpperCase() + name.slice(1), h("small.hint", {}, words))), form);
}

const restart = (done) => confirm(`${done}. Restart now?`, "The settings take effect after a restart, which takes some seconds.", async () => {
  const result = await post("/api/restart", {});
  say(result.ok ? "Affetto restarts. This page comes back by itself." : result.message);
}, "Restart");

function field(section, one) {
  const id = `${section}-${one.name}`, label = one.name.replace(/_s$/, " (seconds)").replaceAll("_", " "), disabled = one.fixed;
  let input, value;
  if (one.kind === "bool") {
    input = h("input", { type: "checkbox", id, checked: one.value, disabled });
    value = () => input.checked;
  } else if (one.choices.length) {
    input = h("select", { id, disabled }, one.choices.map((choice) => h("option", { value: choice, selected: choice === one.value }, String(choice))));
    value = () => one.choices[input.selectedIndex];
  } else if (one.kind === "list") {
    input = h("textarea", { id, disabled, rows: Math.max(2, one.value.length), value: one.value.join("\n") });
    value = () => input.value.split("\n").map((line) => line.trim()).filter(Boolean);
  } else if (one.kind === "str") {
    input = h("input", { type: one.secret ? "password" : "text", id, disabled, value: one.value, autocomplete: one.secret ? "new-password" : "off",
      placeholder: one.secret ? (one.given ? "set; type to replace it" : "not set") : "" });
    value = () => input.value;
  } else {
    input = h("input", { type: "text", inputmode: "decimal", id, disabled, value: String(one.value) });
    value = () => (/^[-+]?(\d+\.?\d*|\.\d+)$/.test(input.value.trim()) ? Number(input.value) : input.value);
  }
  const range = one.low != null ? ` (${one.low} to ${one.high})` : "";
  let before = JSON.stringify(value());
  return {
    where: `${section}.${one.name}`, value, changed: () => JSON.stringify(value()) !== before, kept: () => { before = JSON.stringify(value()); },
    node: h("div.field", {}, h("label", { htmlFor: id }, label), input, h("small", { id: `${id}-words` }, one.words + range + (one.fixed ? ". The file on the boot partition sets this." : ""))),
  };
}

function backup() {
  const file = h("input", { type: "file", id: "backup", accept: ".json,application/json", hidden: true, onchange: async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    file.value = "";
    if (chosen.size > 30e6) return say("That file is too large to be a backup.");
    const text = await chosen.text();
    confirm("Restore this backup?", "It replaces the settings, and adds tastes and corrections to those that the device has.", async () => {
      say("Restoring …");
      const result = await post("/api/restore", { backup: text });
      result.ok ? restart(result.message) : say(result.message);
    }, "Restore");
  } });
  return h("section.card.stack", {}, h("h2", {}, "Backup"), h("p.hint", {}, "One file with the settings, the tastes and the corrected moods. Passwords are in it, too: keep it safe."),
    h("div.row", {}, h("a.button", { href: "/api/backup", download: "" }, "Save a backup"), button("Restore a backup", () => file.click()), file));
}

function account() {
  return h("section.card.stack", {}, h("h2", {}, "Privacy"),
    h("p.hint", {}, "No picture leaves the process that reads the camera. What the device has learnt stays on it."),
    h("div.row", {},
      button("Forget everything", () => confirm("Forget everything?", "This deletes all tastes, the diary and the bans for good. The music stays.",
        async () => (await import("./dom.js")).command("forget", { scope: "everything" }, "Forgotten."), "Forget"), { className: "button bad" }),
      state.me.role === "owner" && button("Log out", async () => { await post("/api/logout", {}); location.href = "/"; })));
}
