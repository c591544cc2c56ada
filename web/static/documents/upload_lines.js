// The lines of an upload, one a file: what becomes of each.

import { count, FINAL, find, make, say } from "../shared/dom.js";
import { isHopeless, whyFailed } from "../jobs/hopeless.js";

const STAGE_WORDS = { parse: "reading", embed: "indexing" };
const OUTCOME_WORDS = {
  created: "added",
  updated: "updated",
  unchanged: "already there, unchanged",
  duplicate_of: "same text as another document",
  superseded: "replaced by a newer version",
  removed: "removed",
  empty: "holds no text",
};

/** Begin the list anew. */
export const clearLines = () => find("upload-list").replaceChildren();

/** Add the line of the file or document *name*; *lines* has those that there are, by their names. */
export function addLine(lines, name) {
  const dot = make("span", { className: "dot", "aria-hidden": "true" });
  const words = make("span", {}, "waiting");
  const state = make("span", { className: "state" }, dot, words);
  const why = make("span", { className: "why", hidden: true });
  const item = make("li", {}, make("span", { className: "name", title: name }, name), state, why);
  const line = { item, state, words, why, bar: null, refused: false, again: false, empty: false, added: false, hopeless: false, double: lines.has(name), shown: "" };
  find("upload-list").append(item);
  if (!line.double) lines.set(name, line);
  return line;
}

/** Show how much of a file has been sent, from 0 to 1; null once that is over. */
export function drawSent(line, name, share) {
  if (share === null) {
    line.bar?.remove();
    line.bar = null;
    return;
  }
  if (!line.bar) {
    line.bar = make("progress", { max: 1, value: 0, "aria-label": `Upload of ${name}` });
    line.why.before(line.bar);
  }
  line.bar.value = share;
}

export function tell(line, state, words, why = "") {
  line.state.dataset.state = state;
  line.words.textContent = words;
  say(line.why, why);
}

/** Say that a file was not taken; *again* tells whether that may be tried once more as it is. */
export function reject(line, why, { again = false } = {}) {
  line.refused = true;
  line.again = again;
  drawSent(line, "", null);
  tell(line, "failed", "not uploaded", why);
}

/** Show a row of the ingest, unless its line shows it already. */
export function drawRow(lines, row) {
  const line = lines.get(row.document_id) ?? addLine(lines, row.document_id);
  const shown = [row.state, row.stage, row.outcome, row.note].join();
  if (line.shown === shown) return;
  line.shown = shown;
  drawSent(line, "", null);
  if (row.state === "succeeded" || row.state === "partial") {
    line.empty = row.outcome === "empty";
    line.added = !line.empty;
    const words = OUTCOME_WORDS[row.outcome] ?? row.outcome ?? "done";
    // What the parser had to say is a remark, not a failure.
    tell(line, line.empty ? "partial" : "succeeded", row.chunks ? `${words}, ${count(row.chunks, "passage")}` : words, [row.note, whyFailed(row)].filter(Boolean).join(" "));
  } else if (FINAL.has(row.state)) {
    line.hopeless = isHopeless(row);
    tell(line, "failed", row.state, whyFailed(row));
  } else {
    tell(line, row.state, row.state === "running" ? (STAGE_WORDS[row.stage] ?? "working") : "waiting");
  }
}
