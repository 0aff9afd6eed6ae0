// The login of the owner, as a dialog. Resolves to whether somebody logged in.
import { field, form, h, hint, input, post, put } from "./dom.js";
import { state } from "./state.js";

export const login = () => new Promise((resolve) => {
  const { word } = state.me, error = h("p.error", { role: "alert" });
  const inputMode = word === "PIN" ? "numeric" : "text";
  const secret = input("password", { id: "secret", autocomplete: "current-password", required: true, inputMode });
  const where = "The command “affetto check” shows the PIN, and so does the file affetto-page.txt on the boot partition.";
  let done = false;
  const box = form(`The ${word}, please`, [hint(word === "PIN" && where), field(word, secret), error], "Log in", async () => {
    const result = await post("/api/login", { secret: secret.value });
    done = result.ok;
    put(error, !done && result.message);
    secret.select();
    return done;
  });
  box.addEventListener("close", () => {
    if (done) dispatchEvent(new Event("login"));
    resolve(done);
  });
});
