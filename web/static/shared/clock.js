// The server's clock, by which all times were written down: the reader's own may be wrong.

const TOLERATED_MS = 2000; // headers tell whole seconds, and an answer takes a while

let ahead = 0;

/** Take the time from an answer's headers. */
export function hearTime(headers) {
  const told = Date.parse(headers.get("Date") ?? "") - Date.now();
  if (!Number.isNaN(told)) ahead = Math.abs(told) > TOLERATED_MS ? told : 0;
}

/** Return the time on the server, ms since 1970. */
export const now = () => Date.now() + ahead;
