// The row of a question in the view of its list.

import { at } from "../shared/api.js";
import { make, pageOf } from "../shared/dom.js";
import { NOT_IN_DOCUMENTS } from "../ask/verdict.js";
import { stateCell } from "./job_words.js";

/** Draw a question and its answer, with the places that the answer rests on. */
export function questionLine(row, job) {
  const called = row.called === String(row.n) ? `${row.n}.` : row.called;
  const question = make("td", { className: "asked" }, make("span", { className: "note" }, called), row.question);
  const answer = make("td", { className: "answered" }, ...answerOf(row), ...placesOf(row, job));
  return make("tr", {}, stateCell(row.state), question, answer);
}

function answerOf(row) {
  if (row.error) return [make("p", { className: "why" }, row.error.detail ?? row.error.title)];
  if (row.answered === false) return [make("p", { className: "quiet" }, NOT_IN_DOCUMENTS)];
  return [row.note, row.answer].filter(Boolean).map((words) => make("p", {}, words));
}

function placesOf(row, job) {
  const seen = new Map();
  for (const citation of row.answered === false ? [] : row.citations) {
    const where = [citation.title || citation.document_id, pageOf(citation)].filter(Boolean).join(", ");
    if (citation.document_id && !seen.has(where)) seen.set(where, citation);
  }
  if (!seen.size) return [];
  const links = [...seen].map(([where, { document_id: document }]) => {
    const told = new URLSearchParams({ collection: job.collection ?? "default", document });
    return make("li", {}, make("a", { href: at(`/documents?${told}`) }, where));
  });
  return [make("ul", { className: "places", "aria-label": "Sources" }, ...links)];
}
