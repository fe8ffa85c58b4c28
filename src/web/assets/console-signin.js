// Signing in, and the page behind a one-time link: password, second factor, recovery codes.

import { button, buttons, field, form, input, make, section } from "./console-parts.js";
import { qrPicture } from "./console-qr.js";
import { moment, say } from "./console-texts.js";

const MINIMUM = 15;

/** The secret in groups of four, which one types without losing one's place. */
const grouped = (secret) => secret.replace(/(.{4})(?=.)/g, "$1 ");

export const codeInput = (attributes = {}) => input("code", { autocomplete: "one-time-code", inputmode: "numeric", maxlength: 63, spellcheck: "false", autocapitalize: "off", ...attributes });

export const newPasswordFields = (name = "password") => [
  field(say("password_new"), input(name, { type: "password", autocomplete: "new-password", required: true, minlength: MINIMUM, maxlength: 1000 }), say("password_hint")),
  field(say("password_again"), input("again", { type: "password", autocomplete: "new-password", required: true, maxlength: 1000 })),
];

/** Both passwords are the same, or there is trouble. */
export function sameTwice(first, again) {
  if (first !== again) throw Object.assign(new Error("passwords_differ"), { code: "passwords_differ" });
}

/** What a program that shows codes needs: a picture for its camera, the secret to type, and a link for a program on this device. */
export function offered({ secret, uri }) {
  return make("div", { class: "offer" },
    make("p", {}, say("totp_how")),
    qrPicture(uri, say("totp_picture")),
    make("p", {}, make("code", { class: "secret", dir: "ltr" }, grouped(secret))),
    make("p", {}, make("a", { href: uri }, say("totp_open"))),
  );
}

/** Recovery codes, which are shown this once. */
export function recoveryCodes(codes) {
  return make("div", { class: "recovery" }, make("p", {}, make("strong", {}, say("recovery_keep"))), make("ul", { class: "codes", dir: "ltr" }, codes.map((code) => make("li", {}, make("code", {}, code)))));
}

class SignIn extends HTMLElement {
  /** { api, signedIn(codes?), why } */
  context = null;

  connectedCallback() {
    const { api, signedIn, why } = this.context;
    const code = field(say("code"), codeInput({ "data-code": "" }), say("code_hint"));
    code.hidden = true;
    const login = input("login", { autocomplete: "username", required: true, maxlength: 63, autocapitalize: "off", spellcheck: "false" });
    const password = input("password", { type: "password", autocomplete: "current-password", required: true, maxlength: 1000 });
    const send = async (typed) => {
      try {
        await api.signIn(typed.login, typed.password, code.hidden ? undefined : typed.code);
      } catch (problem) {
        if (problem.code !== "totp_required") throw problem;
        // The password was right: what is missing is not a mistake.
        code.hidden = false;
        code.querySelector("input").required = true;
        code.querySelector("input").focus();
        return;
      }
      await signedIn();
    };
    this.append(section(say("sign_in"), why ? make("p", { class: "trial", role: "alert" }, why) : null, form([field(say("login"), login), field(say("password"), password), code], say("sign_in"), send)));
    login.focus();
  }
}

class Invitation extends HTMLElement {
  /** { api, token, signedIn(codes), failed } */
  context = null;

  async connectedCallback() {
    const { api, token, failed } = this.context;
    try {
      this.#draw(await api.ask("/v1/auth/invitation", { token }));
    } catch (problem) {
      failed(problem);
      this.append(section(say("invitation"), make("p", {}, say("invitation_void")), make("p", {}, make("a", { href: "#/" }, say("sign_in")))));
    }
  }

  #draw({ login, role, expires_at: ends, resets, totp, totp_required: required }) {
    const { api, token, signedIn } = this.context;
    const code = field(required ? say("code") : say("code_optional"), codeInput({ required }), say("totp_confirm_hint"));
    const send = async ({ password, again, code: typed }) => {
      sameTwice(password, again);
      const codes = await api.accept(token, password, typed.trim() || undefined);
      if (codes.length === 0) return signedIn();
      this.replaceChildren(section(say("recovery"), recoveryCodes(codes), buttons(button(say("recovery_kept"), () => signedIn(), { kind: "main" }))));
      this.querySelector("button").focus();
    };
    this.append(section(resets ? say("invitation_reset") : say("invitation"),
      make("p", {}, say("invitation_for", { login, role: say(`role_${role}`), ends: moment(ends) })),
      // Programs that keep passwords want to know whose it is.
      form([make("input", { type: "text", name: "username", autocomplete: "username", value: login, readonly: true, hidden: true }), ...newPasswordFields(), make("h3", {}, say("totp")), offered(totp), code], say("invitation_accept"), send),
    ));
  }
}

customElements.define("console-sign-in", SignIn);
customElements.define("console-invitation", Invitation);
