// Scripts as the service sends them, for those that measure them: their comments' lines are empty (src/web/comments.rs).

export function served(script) {
  let within = false;
  const kept = script.replace(/\n$/, "").split("\n").map((line) => {
    const text = line.trim();
    within ||= text.startsWith("/*");
    const ends = text.indexOf("*/");
    if (within && ends >= 0) {
      within = false;
      return text.slice(ends + 2).trimStart();
    }
    return within || text.startsWith("//") ? "" : line;
  });
  return `${kept.join("\n")}\n`;
}
