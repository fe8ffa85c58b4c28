// Servers of a test's own between browsers and the service: one whose line can be cut, one that is a partner's site.

import { createServer, request } from "node:http";
import { origin } from "./support.mjs";

/** Starts a server on a free port of 127.0.0.1; `close` cuts what is still open. */
export async function serve(answer) {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, close, cut: () => server.closeAllConnections() };
}

/** Passes a request on to the service, and its answer back as it comes. */
export function passOn(asked, answer, path = asked.url, headers = asked.headers) {
  const { host, ...rest } = headers;
  const onward = request(new URL(path, origin), { method: asked.method, headers: rest }, (got) => {
    answer.writeHead(got.statusCode, got.headers);
    answer.flushHeaders();
    got.pipe(answer);
    got.on("error", () => answer.destroy());
  });
  onward.on("error", () => answer.destroy());
  answer.on("close", () => onward.destroy());
  asked.pipe(onward);
}

/**
 * A line to the service. `cut()` ends what is under way and answers nothing until `mend()`; addresses that `refuses` knows
 * are answered 503.
 */
export async function openLine() {
  let isCut = false;
  const line = { refuses: () => false };
  const server = await serve((asked, answer) => {
    if (isCut) asked.socket.destroy();
    else if (line.refuses(asked.url)) answer.writeHead(503).end();
    else passOn(asked, answer);
  });
  return Object.assign(line, {
    origin: server.origin,
    close: server.close,
    cut() {
      isCut = true;
      server.cut();
    },
    mend: () => (isCut = false),
  });
}
