// What a key does. Nothing while somebody types, and nothing with Ctrl, Alt or Meta, which are the browser's and the reader's.

/** Keys of the search by what they do; the help lists them in this order. */
export const KEYS = {
  j: "next", ArrowDown: "next", k: "previous", ArrowUp: "previous",
  x: "tick", X: "tick_range", a: "tick_page", Escape: "clear", "/": "filter",
  r: "remove", p: "preview", c: "accept", v: "reveal", u: "undo", n: "next_page", b: "first_page", "?": "help",
};

/** Those of the review queue: two letters decide. */
export const QUEUE_KEYS = {
  j: "next", ArrowDown: "next", k: "previous", ArrowUp: "previous", x: "tick", X: "tick_range", Escape: "clear",
  a: "accept", r: "remove", v: "reveal", u: "undo", n: "next_page", b: "first_page", "?": "help",
};

/** Those of the wall. */
export const WALL_KEYS = {
  j: "next", ArrowDown: "next", k: "previous", ArrowUp: "previous", x: "tick", X: "tick_range", Escape: "clear",
  a: "approve", d: "decline", h: "hide", s: "dismiss", n: "next_page", b: "first_page", "?": "help",
};

/** Keys that the switch of single letters leaves on: those that are no letters (WCAG 2.1.4). */
const NO_LETTERS = ["ArrowDown", "ArrowUp", "Escape"];

const TYPES = ["INPUT", "TEXTAREA", "SELECT"];
const PRESSED = ["checkbox", "radio", "button", "submit", "reset"];

/** Whether the target takes the key as text, or for its own choice. */
function isTyping({ tagName = "", type = "", isContentEditable = false }) {
  return isContentEditable || (TYPES.includes(tagName) && !(tagName === "INPUT" && PRESSED.includes(type)));
}

/** What a press means; null: nothing. `inTable` says whether arrows belong to the rows. */
export function meaning(event, { letters = true, inTable = true, keys = KEYS } = {}) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return null;
  if (isTyping(event.target ?? {})) return null;
  if (!letters && !NO_LETTERS.includes(event.key)) return null;
  if (event.key.startsWith("Arrow") && !inTable) return null;
  return Object.prototype.hasOwnProperty.call(keys, event.key) ? keys[event.key] : null;
}

/** Each meaning with its keys, for the help. */
export function listed(keys = KEYS) {
  const meanings = new Map();
  for (const [key, what] of Object.entries(keys)) meanings.set(what, [...(meanings.get(what) ?? []), key]);
  return [...meanings];
}

const SWITCH = "pledges-console-letters";

/** Whether single letters do something; a reader of screens or a voice may want none. */
export const lettersAreOn = (storage) => storage?.getItem(SWITCH) !== "off";
export const setLetters = (storage, on) => storage?.setItem(SWITCH, on ? "on" : "off");
