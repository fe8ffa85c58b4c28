// Tells what is wrong with a form: beside each field, and in a summary that takes the focus and leads to the fields.
// The same elements as the server draws, so that both look and read alike.

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const described = (field) => (field.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);

function labelOf(form, field) {
  const isBox = field.type === "checkbox";
  const label = isBox ? field.closest("fieldset")?.querySelector("legend") : form.querySelector(`label[for="${field.id}"]`);
  return label?.firstChild?.textContent.trim() ?? field.name;
}

/** The field of a form that an error is about; undefined when the supporter can't see it. */
export function fieldOf(form, name) {
  const field = /^[a-z_]+$/.test(name) ? form.querySelector(`[name="${name}"]`) : null;
  return field && field.type !== "hidden" && field.id ? field : undefined;
}

/** Takes away what stands beside a field. */
export function forget(field) {
  const id = `${field.id}-error`;
  document.getElementById(id)?.remove();
  field.removeAttribute("aria-invalid");
  const rest = described(field).filter((known) => known !== id);
  if (rest.length > 0) field.setAttribute("aria-describedby", rest.join(" "));
  else field.removeAttribute("aria-describedby");
}

function tellBeside(field, message, texts) {
  forget(field);
  const id = `${field.id}-error`;
  const prefix = element("span", { className: "sr" }, `${texts.error_prefix ?? ""} `);
  const note = element("p", { className: "error", id }, prefix, message);
  if (field.type === "checkbox") field.parentElement.append(note);
  else field.before(note);
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", [...described(field), id].join(" "));
}

/** Takes away everything that is told about a form. */
export function clear(form) {
  form.parentElement.querySelector(".errors")?.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) forget(field);
}

/** Tells what is wrong: `errors` as `[{field, message}]`, `message` for the whole. */
export function tell(form, { errors = [], message = "" }, texts) {
  clear(form);
  const lines = [];
  for (const { field: name, message: text } of errors) {
    const field = fieldOf(form, name);
    if (!field) continue;
    tellBeside(field, text, texts);
    const link = element("a", { href: `#${field.id}` }, labelOf(form, field));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      field.focus();
    });
    lines.push(element("li", {}, link, `: ${text}`));
  }
  const title = element("h3", { id: "errors-title" }, form.dataset.trouble ?? texts.errors_title ?? "");
  const isUnseen = errors.length > lines.length;
  const said = isUnseen ? texts.error_form_other : message;
  const summary = element("div", { className: "errors", tabIndex: -1 }, title);
  summary.setAttribute("role", "group");
  summary.setAttribute("aria-labelledby", "errors-title");
  if (said) summary.append(element("p", {}, said));
  if (lines.length > 0) summary.append(element("ul", {}, ...lines));
  form.before(summary);
  summary.focus();
}
