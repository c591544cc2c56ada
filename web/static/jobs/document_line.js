// The row of a document in the view of its job.

import { at } from "../shared/api.js";
import { count, make } from "../shared/dom.js";
import { whyFailed } from "./hopeless.js";
import { stateCell } from "./job_words.js";

const OUTCOMES = {
  created: "added",
  updated: "updated",
  unchanged: "unchanged",
  duplicate_of: "the same as another",
  superseded: "a newer version came meanwhile",
  removed: "deleted",
};

/** Draw what became of a document. */
export function documentLine(row, job) {
  const told = new URLSearchParams({ collection: job.collection ?? "default", document: row.document_id });
  const isThere = job.kind === "ingest" && row.state === "succeeded" && row.outcome !== "empty";
  const name = isThere ? make("a", { href: at(`/documents?${told}`) }, row.document_id) : row.document_id;
  return make("tr", {}, row.outcome === "empty" ? stateCell("partial", "no text") : stateCell(row.state), make("td", { className: "name" }, name), make("td", {}, fate(row)));
}

/** Say what became of a document. */
function fate(row) {
  if (row.outcome === "empty") return [row.note ?? "There is no text in it.", whyFailed(row)].join(" ");
  const outcome = [OUTCOMES[row.outcome] ?? row.outcome, row.duplicate_of, row.chunks ? count(row.chunks, "passage") : ""];
  const told = [
    row.error ? whyFailed(row) : outcome.filter(Boolean).join(", "),
    row.attempts > 1 ? count(row.attempts, "attempt") : "",
    row.note,
  ].filter(Boolean);
  return told.map((words, nth) => (nth < told.length - 1 ? words.replace(/\.$/, "") : words)).join("; ");
}
