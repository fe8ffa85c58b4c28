// Rows while something else goes on: what was asked for is drawn where somebody is by then.

import "./dom.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const { ListScreen } = await import("../../src/web/assets/console-list.js");

test("whoever has gone to a filter before the answer came stays there; whoever is at the rows, at the row that they have come to", async () => {
  let answer;
  const drawn = [];
  class Rows extends ListScreen {
    read() {
      return new Promise((resolve) => (answer = resolve));
    }

    draw(where) {
      drawn.push(where);
    }
  }
  const screen = new Rows();
  const [box, filter] = [document.createElement("input"), document.createElement("select")];
  screen.rows.append(box);
  const refreshed = async (meanwhile) => {
    screen.refresh();
    meanwhile();
    answer({ pledges: [], next_cursor: null });
    await new Promise((resolve) => setImmediate(resolve));
  };
  box.focus();
  await refreshed(() => filter.focus());
  screen.selection.show(["a", "b"]);
  await refreshed(() => (box.focus(), screen.selection.move(1)));
  assert.deepEqual(drawn, [{ focus: false, at: 0 }, { focus: true, at: 1 }]);
});
