// The view People: whose taste counts now, guest mode, and forgetting a person.
import { button, command, h } from "./dom.js";
import { follow } from "./state.js";

export function show(main) {
  const present = h("div.row"), learned = h("ul.list"), mode = h("input", { type: "checkbox", id: "guest-mode",
    onchange: () => command("guests", { on: mode.checked }, mode.checked ? "The device learns nothing until you switch this off." : "The device learns again.") });
  const name = h("input", { type: "text", id: "new-name", maxLength: 64, autocomplete: "off", required: true });
  const add = h("form.row.tight", { onsubmit: async (event) => {
    event.preventDefault();
    if (await command("presence", { name: name.value.trim(), here: true }, `${name.value.trim()} is here.`)) name.value = "";
  } }, h("div.grow", {}, name), h("button.button", { type: "submit" }, "Add"));
  main.append(
    h("section.card.stack", {}, h("h2", {}, "Whose taste counts now"),
      h("p.hint", {}, "Tap everybody who is here. The device looks for music that all of you like. Affetto recognises nobody: only you say who is here."),
      present, h("label", { htmlFor: "new-name" }, "Somebody new"), add),
    h("section.card.stack", {}, h("h2", {}, "Guest mode"), h("label.row.tight", { htmlFor: "guest-mode" }, mode,
      h("span.grow", {}, "Guests are here: learn nothing"))),
    h("section.card.stack", {}, h("h2", {}, "What the device has learnt"),
      h("p.hint", {}, "To delete a person, delete everything that the device learnt from this person. You cannot undo that."), learned));

  const draw = (state, changed) => {
    if (!state.people || (changed && !changed.has("people"))) return;
    const { profiles, known = [], guests } = state.people;
    const names = [...new Set([...known, ...profiles])].filter((one) => one !== "everyone").sort();
    mode.checked = guests;
    const all = !profiles.some((one) => one !== "everyone");
    present.replaceChildren(
      h("button.chip", { type: "button", "aria-pressed": String(all), onclick: () => command("present", { names: [] }) }, "Everyone"),
      ...names.map((one) => h("button.chip", { type: "button", "aria-pressed": String(profiles.includes(one)),
        onclick: () => command("presence", { name: one, here: !profiles.includes(one) }) }, one)));
    learned.replaceChildren(...[...new Set(["everyone", ...names])].map((one) => h("li", {}, h("div.words", {}, one === "everyone" ? "Everyone together" : one),
      button("Delete", () => ask(one), { className: "button bad" }))));
  };
  return follow(draw);
}

export function confirm(title, about, action, label = "Delete") {
  const box = h("dialog.stack", { "aria-labelledby": "confirm-title", onclose: () => box.remove() }, h("h2", { id: "confirm-title" }, title), h("p", {}, about),
    h("div.row", {}, button(label, async () => { box.close(); await action(); }, { className: "button bad" }), button("Keep", () => box.close())));
  document.body.append(box);
  box.showModal();
}

const ask = (name) => confirm(`Delete ${name === "everyone" ? "what all people taught" : name}?`, "This deletes the person's likes, skips and diary for good.",
  async () => {
    await command("forget", { scope: "person", name }, "Deleted.");
    if (name !== "everyone") await command("presence", { name, here: false });
  });
