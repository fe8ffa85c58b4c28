// Numbers and times as the page's language writes them, in the digits that the server writes too.

/** A language tag with ASCII digits, the calendar that the history is counted in, and a clock that needs no "p.m.". */
export function plain(language) {
  // The server writes days as in "8 March 2026".
  const spoken = language === "en" ? "en-GB" : language;
  return new Intl.Locale(spoken, { numberingSystem: "latn", calendar: "gregory", hourCycle: "h23" }).toString();
}

/** What a page needs to write numbers and times. */
export function formats(language) {
  const locale = plain(language);
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 2 });
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const dated = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
  return {
    locale,
    number: (value) => whole.format(value),
    /** For axes: short once it would be long. */
    axis: (value, step) => (step >= 1000 ? compact.format(value) : whole.format(value)),
    /** A moment: the time alone when it is less than half a day away. */
    moment: (time, now = Date.now()) => (Math.abs(now - time) < 43_200_000 ? clock : dated).format(time),
    /** "10 minutes" */
    length: (count, unit) => new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(count),
  };
}

/** The last of a list; `at(-1)` is newer than the browsers that we support. */
export const lastOf = (list) => list[list.length - 1];

/** A text with its `{holes}` filled. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
}

/** Formats for the axis of time and for single intervals. Days are those of UTC, as they are counted; the rest is local. */
export function timeFormats(locale, interval) {
  const timeZone = interval === "day" ? "UTC" : undefined;
  const format = (options) => new Intl.DateTimeFormat(locale, { timeZone, ...options });
  const ticks = {
    time: format({ hour: "2-digit", minute: "2-digit" }),
    day: format(interval === "day" ? { day: "numeric", month: "short" } : { weekday: "short", day: "numeric" }),
    month: format({ month: "short", year: "numeric" }),
    year: format({ year: "numeric" }),
  };
  const day = format({ day: "numeric", month: "long", year: "numeric" });
  const within = format({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  return {
    tick: (time, unit) => ticks[unit].format(time),
    /** One interval; several minutes, hours or days as a range. */
    interval({ at, length }) {
      if (length < 120_000) return within.format(at);
      if (length < 86_400_000) return within.formatRange(at, at + length);
      return length === 86_400_000 ? day.format(at) : day.formatRange(at, at + length - 1);
    },
    /** Where the name of the day says more than the time. */
    isMidnight: (time) => !timeZone && new Date(time).getHours() + new Date(time).getMinutes() === 0,
    offsetAt: timeZone ? () => 0 : (time) => -new Date(time).getTimezoneOffset(),
  };
}
