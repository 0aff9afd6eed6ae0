// The login of the owner, as a dialog. Resolves to whether somebody logged in.
import { button, h, post } from "./dom.js";
import { state } from "./state.js";

export function login(why = "") {
  return new Promise((resolve) => {
    const pin = state.me.word === "PIN";
    const input = h("input", { type: "password", id: "secret", autocomplete: "current-password", required: true,
      inputmode: pin ? "numeric" : "text" });
    const error = h("p.error", { role: "alert" });
    const box = h("dialog", { "aria-labelledby": "login-title" },
      h("form.stack", { method: "dialog", onsubmit: send },
        h("h2", { id: "login-title" }, `The ${state.me.word || "PIN"}, please`),
        h("p.hint", {}, pin
          ? "The device shows its PIN in `affetto check`, and in the file affetto-page.txt on its boot partition."
          : "Enter the owner's password."),
        h("label", { htmlFor: "secret" }, state.me.word || "PIN", input), error,
        h("div.row", {}, h("button.button.main", { type: "submit" }, "Log in"),
          state.me.role !== "nobody" && button("Cancel", () => box.close()))));
    let done = false;
    async function send(event) {
      event.preventDefault();
      const result = await post("/api/login", { secret: input.value });
      if (!result.ok) {
        error.textContent = result.message;
        input.select();
        return;
      }
      done = true;
      box.close();
    }
    box.addEventListener("close", async () => {
      box.remove();
      if (done) dispatchEvent(new Event("login"));
      resolve(done);
    });
    if (state.me.role === "nobody") box.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(box);
    box.showModal();
  });
}
