// Draws the secret of a second factor as a QR code (ISO/IEC 18004: bytes, level L, versions 1 to 9) in the page itself: whoever
// else drew it would know the secret.

/** By version: check codewords of a block, blocks, codewords in all. At this level and size all blocks are equally long. */
const VERSIONS = [[7, 1, 26], [10, 1, 44], [15, 1, 70], [20, 1, 100], [26, 1, 134], [18, 2, 172], [20, 2, 196], [24, 2, 242], [30, 2, 292]];

/** Where the centres of the small squares are, by version. */
const CENTRES = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46]];

const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** Multiplies in the field of 256 that the code is made in. */
function multiply(a, b) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) product = (product << 1) ^ ((product >>> 7) * 0x11d) ^ (((b >>> bit) & 1) * a);
  return product;
}

function generator(degree) {
  const terms = [...Array(degree - 1).fill(0), 1];
  for (let step = 0, root = 1; step < degree; step += 1, root = multiply(root, 2)) {
    for (let at = 0; at < degree; at += 1) terms[at] = multiply(terms[at], root) ^ (at + 1 < degree ? terms[at + 1] : 0);
  }
  return terms;
}

/** The check codewords of a block. */
function checks(block, terms) {
  const rest = Array(terms.length).fill(0);
  for (const byte of block) {
    const factor = byte ^ rest.shift();
    rest.push(0);
    terms.forEach((term, at) => (rest[at] ^= multiply(term, factor)));
  }
  return rest;
}

/** The codewords of a text in the smallest version that it fits. */
export function codewords(text) {
  const bytes = [...new TextEncoder().encode(text)];
  // Four bits say that it is bytes and eight how many there are.
  const version = VERSIONS.findIndex(([check, blocks, all]) => bytes.length + 2 <= all - check * blocks) + 1;
  if (version === 0) throw new RangeError("too long for a code");
  const [check, blocks, all] = VERSIONS[version - 1];
  const room = all - check * blocks;
  const half = [4, ...[bytes.length, ...bytes].flatMap((byte) => [byte >>> 4, byte & 15]), 0];
  const data = [];
  for (let at = 0; at < half.length; at += 2) data.push((half[at] << 4) | half[at + 1]);
  for (let pad = 0xec; data.length < room; pad ^= 0xec ^ 0x11) data.push(pad);
  const terms = generator(check);
  const length = room / blocks;
  const split = Array.from({ length: blocks }, (_, index) => data.slice(index * length, (index + 1) * length));
  const checked = split.map((block) => checks(block, terms));
  const interleaved = (parts) => parts[0].flatMap((_, at) => parts.map((part) => part[at]));
  return { version, words: [...interleaved(split), ...interleaved(checked)] };
}

/** What stands at fixed places; `fixed` says which modules those are. */
function frame(version) {
  const size = version * 4 + 17;
  const dark = Array.from({ length: size }, () => Array(size).fill(false));
  const fixed = Array.from({ length: size }, () => Array(size).fill(false));
  const set = (x, y, isDark) => {
    dark[y][x] = isDark;
    fixed[y][x] = true;
  };
  const square = (x, y, reach, isDark) => {
    for (let dy = -reach; dy <= reach; dy += 1) {
      for (let dx = -reach; dx <= reach; dx += 1) if (dark[y + dy]?.[x + dx] !== undefined) set(x + dx, y + dy, isDark(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  };
  for (let at = 0; at < size; at += 1) {
    set(6, at, at % 2 === 0);
    set(at, 6, at % 2 === 0);
  }
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) square(x, y, 4, (ring) => ring !== 2 && ring !== 4);
  const centres = CENTRES[version - 1];
  const last = centres[centres.length - 1];
  for (const x of centres) {
    for (const y of centres) if (!((x === 6 && (y === 6 || y === last)) || (x === last && y === 6))) square(x, y, 2, (ring) => ring !== 1);
  }
  if (version >= 7) {
    let rest = version;
    for (let step = 0; step < 12; step += 1) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
    const bits = (version << 12) | rest;
    for (let at = 0; at < 18; at += 1) {
      const [near, far] = [Math.floor(at / 3), size - 11 + (at % 3)];
      set(far, near, Boolean((bits >>> at) & 1));
      set(near, far, Boolean((bits >>> at) & 1));
    }
  }
  return { size, dark, fixed, set };
}

/** Level and mask, twice. */
function writeFormat({ size, set }, mask) {
  const told = (1 << 3) | mask;
  let rest = told;
  for (let step = 0; step < 10; step += 1) rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
  const bits = ((told << 10) | rest) ^ 0x5412;
  const bit = (at) => Boolean((bits >>> at) & 1);
  for (let at = 0; at <= 5; at += 1) set(8, at, bit(at));
  set(8, 7, bit(6));
  set(8, 8, bit(7));
  set(7, 8, bit(8));
  for (let at = 9; at < 15; at += 1) set(14 - at, 8, bit(at));
  for (let at = 0; at < 8; at += 1) set(size - 1 - at, 8, bit(at));
  for (let at = 8; at < 15; at += 1) set(8, size - 15 + at, bit(at));
  set(8, size - 8, true);
}

/** The modules that hold codewords, in their order: in columns of two, up and down by turns, from the right. */
function* places({ size, fixed }) {
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step += 1) {
      const y = ((right + 1) & 2) === 0 ? size - 1 - step : step;
      for (const x of [right, right - 1]) if (!fixed[y][x]) yield [x, y];
    }
  }
}

/** How many modules stand in runs of five and more: such runs are hard to read. */
function runs(dark) {
  let sum = 0;
  for (const lines of [dark, dark.map((_, x) => dark.map((row) => row[x]))]) {
    for (const line of lines) for (const [run] of line.map(Number).join("").matchAll(/0{5,}|1{5,}/g)) sum += run.length;
  }
  return sum;
}

/** A text as rows of modules, true where one is dark. */
export function qrCode(text) {
  const { version, words } = codewords(text);
  const drawn = MASKS.map((isFlipped, mask) => {
    const canvas = frame(version);
    writeFormat(canvas, mask);
    let at = 0;
    for (const [x, y] of places(canvas)) {
      const bit = Boolean(((words[at >>> 3] ?? 0) >>> (7 - (at & 7))) & 1);
      canvas.dark[y][x] = bit !== isFlipped(x, y);
      at += 1;
    }
    return canvas.dark;
  });
  return drawn.reduce((best, next) => (runs(next) < runs(best) ? next : best));
}

/** The code as a picture: dark on white in both themes, because cameras want it so. */
export function qrPicture(text, label) {
  const rows = qrCode(text);
  const side = rows.length + 8;
  const node = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const squares = rows.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x + 4} ${y + 4}h1v1h-1z` : ""))).join("");
  const picture = node("svg", { viewBox: `0 0 ${side} ${side}`, class: "qr", role: "img", "aria-label": label, "shape-rendering": "crispEdges" });
  picture.append(node("rect", { width: side, height: side, fill: "#fff" }), node("path", { d: squares, fill: "#000" }));
  return picture;
}
