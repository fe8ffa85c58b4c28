// Which rows are ticked, and which one the keyboard is on. Ticks stay while one turns pages, up to what one call takes.

/** Ids that one call of the API takes. */
export const MOST = 1_000;

/** Pledges that one reveal shows. */
export const MOST_REVEALED = 100;

export class Selection {
  #ids = [];
  #ticked = new Set();
  #anchor = 0;
  /** Place of the row that the keyboard is on. */
  at = 0;

  /** Another page: rows by id, and the place to be at. Ticks of other pages stay. */
  show(ids, at = 0) {
    this.#ids = [...ids];
    this.at = Math.max(0, Math.min(at, ids.length - 1));
    this.#anchor = this.at;
  }

  get ids() {
    return [...this.#ids];
  }

  get current() {
    return this.#ids[this.at] ?? null;
  }

  get size() {
    return this.#ticked.size;
  }

  /** What is ticked; else the row that the keyboard is on. */
  get chosen() {
    if (this.#ticked.size > 0) return [...this.#ticked];
    return this.current === null ? [] : [this.current];
  }

  has(id) {
    return this.#ticked.has(id);
  }

  /** Goes up or down; false at an end. */
  move(steps) {
    const next = Math.min(Math.max(this.at + steps, 0), Math.max(this.#ids.length - 1, 0));
    const moved = next !== this.at;
    this.at = next;
    return moved;
  }

  goTo(id) {
    const at = this.#ids.indexOf(id);
    if (at >= 0) this.at = at;
    return at >= 0;
  }

  /** Ticks or unticks a row; false when there is no room for more. */
  toggle(id = this.current, on = !this.#ticked.has(id)) {
    if (id === null) return false;
    if (!on) this.#ticked.delete(id);
    else if (this.#ticked.size >= MOST && !this.#ticked.has(id)) return false;
    else this.#ticked.add(id);
    const at = this.#ids.indexOf(id);
    if (at >= 0) this.#anchor = at;
    return true;
  }

  /** Ticks from the row that was ticked last to this one. */
  extendTo(id) {
    const to = this.#ids.indexOf(id);
    if (to < 0) return false;
    const [first, last] = this.#anchor < to ? [this.#anchor, to] : [to, this.#anchor];
    return this.#ids.slice(first, last + 1).every((each) => this.toggle(each, true));
  }

  get isWholePage() {
    return this.#ids.length > 0 && this.#ids.every((id) => this.#ticked.has(id));
  }

  /** Ticks the whole page, or unticks it when it is ticked. */
  togglePage() {
    const on = !this.isWholePage;
    return this.#ids.every((id) => this.toggle(id, on));
  }

  clear() {
    this.#ticked.clear();
  }

  drop(ids) {
    for (const id of ids) this.#ticked.delete(id);
  }
}
