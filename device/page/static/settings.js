// The view Settings: health, rooms, version, settings, backup.
import {
  askFor, bad, button, card, columns, command, confirm, count, field, get, h, hint, input, joined, line, load, login, main, post, put, redraw, row, say, select,
  send, sentences, submit, tell,
} from "./dom.js";
import { follow, may, state } from "./state.js";

const NAMES = { mqtt: "MQTT", upnp: "UPnP", listenbrainz: "ListenBrainz" };
const SIGNS = { well: "✓", note: "–", problem: "✗" };

export function show() {
  const settings = h("div.stack");
  if (may("owner")) load(settings, async () => allSettings((await get("/api/settings")).answer));
  else put(settings, hint("Only the owner may change settings."), row(button("Log in as owner", login)));
  return columns([health(), rooms(), update(), may("owner") && backup(), privacy()], card("Settings", settings));
}

// --- The device ---

function health() {
  const title = h("h2"), list = h("ul.list"), figures = hint(), found = h("ul.list");
  const examine = button("Check the device", async () => {
    examine.disabled = true;
    put(found, h("li.hint", { role: "status" }, "This takes some seconds …"));
    await load(found, async () => (await get("/api/check")).findings.map(finding));
    examine.disabled = false;
  });
  const box = h("section.card.stack", { ariaLabel: "Health" }, title, list, figures, may("owner") && row(examine), found);
  follow(box, ["health"], () => {
    const { problems, notes, tracks, analysed, figures: process } = state.health;
    put(title, problems.length ? "Something needs your attention" : "All is well");
    put(list, problems.map((one) => h("li.error", {}, one)), notes.map((one) => h("li.hint", {}, one)));
    put(figures, joined(count(tracks, "song"), `${analysed} analysed`, process.memory_mb && `${Math.round(process.memory_mb)} MB of memory`));
  });
  return box;
}

const finding = ({ verdict, part, words, advice }) => line(`${SIGNS[verdict]} ${part}`, [words, advice && `→ ${advice}`]);

function rooms() {
  const list = h("ul.list"), about = hint();
  const leave = button("Leave the group", () => command("group", { name: "" }, "This device plays alone."));
  const join = button("Join a group", () => askFor("Join a group", "Name of the group", state.group?.name || "home",
    (name) => command("group", { name }, `This device plays with ${name}.`)));
  const box = card("Rooms that play together", about, list, may("household") && row(join, leave));
  const draw = () => {
    const { group } = state;
    leave.hidden = !group;
    put(about, !group ? "This device plays alone. The devices of a group play the same music at the same time."
      : joined(`Group ${group.name}`, !group.connected ? "the MQTT broker does not answer" : !group.leader && "nobody leads yet"));
    redraw(list, group?.members.map((one) => line(one.name || one.id,
      joined(one.room, one.id === group.leader && "leads", one.id === group.me && "this device", count(one.tracks, "song")))));
  };
  follow(box, ["room", "group"], draw);
  return box;
}

function update() {
  const about = hint(), owner = may("owner");
  const install = main("Install it", () => confirm("Install the new version?",
    "The device checks its signature and restarts. If it does not work, the present version comes back.", "Install",
    () => command("install_update", {}, "The device installs the new version.")));
  const look = button("Look for a new version", () => command("check_for_update", {}, "The device looks for one."));
  const box = card("Version", about, owner && row(install, look));
  follow(box, ["update"], () => {
    const { latest, notes, progress, problem } = state.update, mine = state.me.version;
    const newer = latest.localeCompare(mine, "en", { numeric: true }) > 0;
    install.hidden = !newer || progress != null;
    look.disabled = progress != null;
    put(about, sentences(`This is version ${mine}.`, newer && `Version ${latest} is there.`, newer && notes,
      progress != null && `The device installs it: ${progress}%.`, problem));
  });
  return box;
}

// --- Settings ---

function allSettings(sections) {
  return [hint("They take effect after a restart."), h("div", {}, sections.map(section))];
}

function section({ name, words, settings }) {
  const fields = settings.map((one) => setting(name, one)), error = h("p.error", { role: "alert" });
  const form = h("form.stack", submit(async () => {
    const changed = fields.filter((one) => one.changed()), change = Object.fromEntries(changed.map((one) => [one.where, one.value()]));
    if (!changed.length) return say("Nothing has changed.");
    const result = await post("/api/settings", { change });
    put(error, result.ok ? "" : result.message);
    if (!result.ok) return;
    changed.forEach((one) => one.kept());
    restart("Saved");
  }), name === "schedule" && state.schedule?.overridden.length > 0
    && hint(`Set over MQTT, which counts instead: ${state.schedule.overridden.join(", ").replaceAll("_", " ")}.`),
  fields.map((one) => one.node), error, row(send("Save")));
  const title = NAMES[name] || name[0].toUpperCase() + name.slice(1);
  return h("details", {}, h("summary", {}, h("span.grow", {}, title, h("small", {}, words))), form);
}

const restart = (done) => confirm(`${done}. Restart now?`, "The music goes on where it stopped.", "Restart", async () => {
  tell(await post("/api/restart", {}), "Affetto restarts. This page comes back by itself.");
});

function setting(section, one) {
  const where = `${section}.${one.name}`, props = { id: where.replace(".", "-"), disabled: one.fixed };
  const [node, value] = control(one, props), range = one.low != null ? ` (${one.low} to ${one.high})` : "";
  let before = JSON.stringify(value());
  return {
    where, value, changed: () => JSON.stringify(value()) !== before, kept: () => { before = JSON.stringify(value()); },
    node: field(one.name.replace(/_s$/, " (seconds)").replaceAll("_", " "), node,
      one.words + range + (one.fixed ? ". The file on the boot partition sets this." : "")),
  };
}

// The element for a setting, and what reads its value.
function control({ kind, value, choices, secret, given }, props) {
  let node;
  if (kind === "bool") {
    node = input("checkbox", { ...props, checked: value });
    return [node, () => node.checked];
  }
  if (choices.length) {
    node = select(choices.map((choice) => [choice, String(choice)]), value, props);
    return [node, () => choices[node.selectedIndex]];
  }
  if (kind === "list") {
    node = h("textarea", { ...props, rows: Math.max(2, value.length), value: value.join("\n") });
    return [node, () => node.value.split("\n").map((line) => line.trim()).filter(Boolean)];
  }
  if (kind === "str") {
    const words = given ? "set; type to replace it" : "not set";
    node = input(secret ? "password" : "text", { ...props, value, ...(secret && { autocomplete: "new-password", placeholder: words }) });
    return [node, () => node.value];
  }
  node = input("text", { ...props, inputMode: "decimal", value: String(value) });
  return [node, () => (node.value.trim() && !isNaN(node.value) ? Number(node.value) : node.value)];
}

// --- Backup and privacy ---

function backup() {
  const file = input("file", { accept: ".json,application/json", hidden: true, onchange: async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    if (chosen.size > 30e6) return say("That file is too large to be a backup.");
    const text = await chosen.text();
    file.value = "";
    confirm("Restore this backup?", "It replaces the settings, and adds its tastes and corrections.", "Restore", async () => {
      say("Restoring …");
      const result = await post("/api/restore", { backup: text });
      return result.ok ? restart(result.message) : say(result.message);
    });
  } });
  return card("Backup", hint("One file with the settings, the tastes and the corrected moods. Passwords are in it, too: keep it safe."),
    row(h("a.button", { href: "/api/backup", download: "" }, "Save a backup"), button("Restore a backup", () => file.click()), file));
}

function privacy() {
  const forget = () => confirm("Forget everything?", "This deletes all tastes, the diary and the bans for good. The music stays.", "Forget",
    () => command("forget", { scope: "everything" }, "Forgotten."));
  const leave = async () => { await post("/api/logout", {}); location.href = "/"; };
  return card("Privacy", hint("No picture leaves the process that reads the camera. What the device has learnt stays on it."),
    row(bad("Forget everything", forget), may("owner") && button("Log out", leave)));
}
