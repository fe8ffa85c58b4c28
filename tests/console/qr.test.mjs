// The QR code of a second factor, against the figures of the standard: sizes, checks, what is said of level, mask and version.

import assert from "node:assert/strict";
import { test } from "node:test";
import { codewords, qrCode } from "../../src/web/assets/console-qr.js";

const URI = "otpauth://totp/Pledges:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Pledges";

/** Level L with masks 0 to 7, as the standard lists them. */
const FORMATS = ["111011111000100", "111001011110011", "111110110101010", "111100010011101", "110011000101111", "110001100011000", "110110001000001", "110100101110110"];

/** The powers of two in the field, and their logarithms: another way to multiply than the code's own. */
const power = [1];
for (let at = 1; at < 255; at += 1) power.push((power[at - 1] << 1) ^ (power[at - 1] > 127 ? 0x11d : 0));
const times = (a, b) => (a && b ? power[(power.indexOf(a) + power.indexOf(b)) % 255] : 0);

/** The blocks of a code, data and checks together. */
function blocksOf({ version, words }) {
  const [check, blocks] = [[7, 1], [10, 1], [15, 1], [20, 1], [26, 1], [18, 2], [20, 2], [24, 2], [30, 2]][version - 1];
  return { check, parts: Array.from({ length: blocks }, (_, block) => words.filter((_word, at) => at % blocks === block)) };
}

test("a text gets the smallest version that it fits", () => {
  // Bytes that fit at level L, as the standard lists them.
  for (const [index, fits] of [17, 32, 53, 78, 106, 134, 154, 192, 230].entries()) {
    assert.equal(codewords("x".repeat(fits)).version, index + 1);
    if (index < 8) assert.equal(codewords("x".repeat(fits + 1)).version, index + 2);
  }
  assert.throws(() => codewords("x".repeat(231)), RangeError);
});

test("each block can be checked: all its syndromes are nought", () => {
  for (const text of ["a", URI, "x".repeat(130), "y".repeat(200)]) {
    const { check, parts } = blocksOf(codewords(text));
    for (const part of parts) {
      for (let root = 0; root < check; root += 1) assert.equal(part.reduce((sum, word) => times(sum, power[root]) ^ word, 0), 0, `${text.length}, ${root}`);
    }
  }
});

test("the text stands in the codewords, with its length and the filling of the standard", () => {
  assert.deepEqual(codewords("Hi").words.slice(0, 19), [0x40, 0x24, 0x86, 0x90, ...Array.from({ length: 15 }, (_, at) => (at % 2 ? 0x11 : 0xec))]);
});

test("what is drawn says level and mask in both places, and the version from 7 on", () => {
  for (const text of ["a", URI, "z".repeat(150)]) {
    const dark = qrCode(text);
    const size = dark.length;
    const read = (list) => list.map(([x, y]) => (dark[y][x] ? "1" : "0")).join("");
    const first = [[0, 8], [1, 8], [2, 8], [3, 8], [4, 8], [5, 8], [7, 8], [8, 8], [8, 7], [8, 5], [8, 4], [8, 3], [8, 2], [8, 1], [8, 0]];
    const second = [...Array.from({ length: 7 }, (_, at) => [8, size - 1 - at]), ...Array.from({ length: 8 }, (_, at) => [size - 8 + at, 8])];
    assert.ok(FORMATS.includes(read(first)), read(first));
    assert.equal(read(second), read(first));
    assert.equal(dark[size - 8][8], true);
    if (size === 45) assert.equal(read(Array.from({ length: 18 }, (_, at) => [Math.floor((17 - at) / 3), size - 11 + ((17 - at) % 3)])), "000111110010010100");
  }
  assert.equal(qrCode("z".repeat(150)).length, 45);
});

test("three corners have their squares, and lines between them count the modules", () => {
  const dark = qrCode(URI);
  const size = dark.length;
  for (const [x, y] of [[0, 0], [size - 7, 0], [0, size - 7]]) {
    const rows = dark.slice(y, y + 7).map((row) => row.slice(x, x + 7).map(Number).join(""));
    assert.deepEqual(rows, ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]);
  }
  for (let at = 8; at < size - 8; at += 1) assert.deepEqual([dark[6][at], dark[at][6]], [at % 2 === 0, at % 2 === 0]);
});
