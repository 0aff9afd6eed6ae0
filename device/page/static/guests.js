// The view Guests: a QR code that opens a page where guests ask for songs, like and vote.
import { button, h, post, s, say } from "./dom.js";

export function show(main) {
  const code = h("div.stack.center", {}, h("p.hint", {}, "Loading …"));
  main.append(h("section.card.stack", {}, h("h2", {}, "Invite guests"),
    h("p", {}, "Let a guest's phone in your Wi-Fi scan this code. It opens a page to ask for songs, like and vote, and nothing else."), code));
  load(code);
}

async function load(box) {
  const found = await post("/api/invitation", {});
  if (!found.ok) return box.replaceChildren(h("p.error", {}, found.message));
  const size = found.rows.length + 8;
  const path = found.rows.flatMap((row, y) => [...row].flatMap((one, x) => (one === "1" ? [`M${x + 4} ${y + 4}h1v1h-1z`] : []))).join("");
  const copy = async () => {
    try {
      await (navigator.share ? navigator.share({ url: found.url }) : navigator.clipboard.writeText(found.url));
    } catch {
      say(found.url);
    }
  };
  box.replaceChildren(
    s("svg", { viewBox: `0 0 ${size} ${size}`, class: "qr", role: "img", "aria-label": "QR code of the invitation" }, s("path", { d: path, fill: "#000" })),
    h("p.hint", {}, `It works for ${found.hours} hours from now.`), h("div.row.middle", {}, button("Share the link", copy), button("New code", () => load(box))));
}
