// The login of the owner, as a dialog. Resolves to whether somebody logged in.
import { field, form, h, hint, input, post, put } from "./dom.js";
import { state } from "./state.js";

export const login = () => new Promise((resolve) => {
  const { word } = state.me, error = h("p.error", { role: "alert" });
  const secret = input("password", { id: "secret", autocomplete: "current-password", required: true, inputMode: word === "PIN" ? "numeric" : "text" });
  const where = word === "PIN" ? "The device shows its PIN in `affetto check`, and in the file affetto-page.txt on its boot partition." : "Enter the owner's password.";
  let done = false;
  const box = form(`The ${word}, please`, [hint(where), field(word, secret), error], "Log in", async () => {
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
