// What the browsers named in docs/partners.md know: their modules are not translated, so a newer call stops a whole page there.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const assets = new URL("../../src/web/assets/", import.meta.url);

/** Newer than one of Safari 15.0, Chrome 90 and Firefox 91. By name alone: what is called so is written otherwise. */
const NEWER = {
  "Object.hasOwn": /\bObject\.hasOwn\b/,
  "Object.groupBy, Map.groupBy": /\b(Object|Map)\.groupBy\b/,
  "at()": /\.at\(/,
  "findLast(), findLastIndex()": /\.findLast(Index)?\(/,
  "toSorted(), toReversed(), toSpliced(), with()": /\.(toSorted|toReversed|toSpliced|with)\(/,
  "Array.fromAsync": /\bArray\.fromAsync\b/,
  "structuredClone": /\bstructuredClone\b/,
  "Promise.withResolvers, Promise.try": /\bPromise\.(withResolvers|try)\b/,
  "isWellFormed(), toWellFormed()": /\.(is|to)WellFormed\(/,
  "methods of sets": /\.(union|intersection|difference|symmetricDifference|isSubsetOf|isSupersetOf|isDisjointFrom)\(/,
  "helpers of iterators": /(?<!\bObject)\.(values|keys|entries|matchAll)\([^)]*\)\.(map|filter|take|drop|some|every|find|reduce|toArray|flatMap|forEach)\(/,
  "bytes as text": /\.(toBase64|toHex)\(|\b(fromBase64|fromHex)\(/,
  "crypto.randomUUID": /\brandomUUID\b/,
  "AbortSignal.timeout, AbortSignal.any, throwIfAborted()": /\bAbortSignal\.(timeout|any)\b|\.throwIfAborted\(/,
  "URL.canParse, URL.parse": /\bURL\.(canParse|parse)\b/,
  "requestSubmit()": /\.requestSubmit\(/,
  "requestIdleCallback": /\brequestIdleCallback\b/,
  "BroadcastChannel": /\bBroadcastChannel\b/,
  "showModal(), showPopover()": /\.show(Modal|Popover)\(/,
  "checkVisibility()": /\.checkVisibility\(/,
  "attributes of ARIA as properties": /\.aria[A-Z]\w+/,
  "startViewTransition": /\bstartViewTransition\b/,
  "Intl.Segmenter and newer": /\bIntl\.(Segmenter|DurationFormat|supportedValuesOf)\b/,
  "import.meta.resolve": /\bimport\.meta\.resolve\b/,
  "looking behind in expressions": /\(\?<[=!]/,
  "static blocks of classes": /^\s*static\s*\{/m,
  "#name in object": /#\w+ in /,
  "import … with": /\bimport\b[^;]*["'] (with|assert) \{/,
};

/** The code without its comments, which may name what they explain. */
const codeOf = (source) => source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
const newerIn = (source) => Object.keys(NEWER).filter((name) => NEWER[name].test(codeOf(source)));

test("each of these calls is found where it is made", () => {
  const calls = [
    'Object.hasOwn(a, "b")', "Map.groupBy(list, key)", "list.at(-1)", "list.findLastIndex(isSo)", "list.toSorted()", "await Array.fromAsync(list)", "structuredClone(a)",
    "Promise.withResolvers()", "text.isWellFormed()", "set.union(other)", "map.values().map(double)", "bytes.toHex()", "crypto.randomUUID()", "AbortSignal.timeout(5)",
    "URL.canParse(a)", "form.requestSubmit()", "requestIdleCallback(f)", "new BroadcastChannel(a)", "dialog.showModal()", "node.checkVisibility()", "head.ariaSort = a",
    "document.startViewTransition()", "new Intl.Segmenter()", "import.meta.resolve(a)", "/(?<=a)b/", "class A {\n  static {\n", "#own in other", 'import a from "a.json" with { type: "json" }',
  ];
  assert.deepEqual(calls.map((call) => newerIn(call).length), calls.map(() => 1));
  assert.deepEqual(calls.flatMap(newerIn), Object.keys(NEWER));
  assert.deepEqual(newerIn("// list.at(-1)\n/* structuredClone */ point.at > 3; [...map.values()].map(double); Object.values(map).map(double); for (const { at } of points) fetch(address);"), []);
});

for (const name of readdirSync(assets).filter((file) => file.endsWith(".js"))) {
  test(`${name} calls nothing that the oldest supported browsers don't know`, () => {
    assert.deepEqual(newerIn(readFileSync(new URL(name, assets), "utf8")), []);
  });
}
