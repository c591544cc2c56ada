// The row of a question in the view of its list.

import { at } from "../shared/api.js";
import { make, pageOf } from "../shared/dom.js";
import { markerButton } from "../ask/marker.js";
import { isWithheld, NOT_IN_DOCUMENTS } from "../ask/verdict.js";
import { stateCell } from "./job_words.js";

const MARKER = /(\[\d{1,3}\])/;

/** Draw a question and its answer, with the places that the answer rests on. */
export function questionLine(row, job) {
  const called = row.called === String(row.n) ? `${row.n}.` : row.called;
  const question = make("td", { className: "asked" }, make("span", { className: "note" }, called), row.question);
  const answer = make("td", { className: "answered" }, ...answerOf(row, job), ...placesOf(row, job));
  return make("tr", {}, fate(row), question, answer, make("td", { className: "number sureness" }, surenessOf(row)));
}

/** Draw what became of a question: it may have ended without an answer, or lost its words since. */
function fate(row) {
  if (row.state !== "succeeded") return stateCell(row.state);
  if (row.answered === false) return stateCell("partial", "not answered");
  return isWithheld(row) ? stateCell("cancelled", "withheld") : stateCell(row.state, "answered");
}

const surenessOf = (row) => (row.answered && typeof row.confidence === "number" && !isWithheld(row) ? `${Math.round(row.confidence * 100)} %` : "");

function answerOf(row, job) {
  if (row.error) return [make("p", { className: "why" }, row.error.detail ?? row.error.title)];
  if (row.answered === false) return [make("p", { className: "quiet" }, NOT_IN_DOCUMENTS)];
  return [row.note, row.answer].filter(Boolean).map((words) => make("p", {}, ...withMarkers(words, row, job)));
}

/** Return an answer's text, each marker a button that opens the words that it quotes. */
function withMarkers(words, row, job) {
  const seen = new Map();
  return words.split(MARKER).map((part) => {
    const number = MARKER.test(part) ? Number(part.slice(1, -1)) : 0;
    const own = row.citations.filter(({ marker }) => marker === number);
    if (!own.length) return part;
    const nth = seen.get(number) ?? 0;
    seen.set(number, nth + 1);
    const citation = own[Math.min(nth, own.length - 1)];
    return markerButton(number, sourceOf(citation), job.collection ?? "default", () => [citation]);
  });
}

/** Return the quoted words as the source that they are from; its text around them is read when it is opened. */
function sourceOf(citation) {
  // Ids of passages are `document:generation:n`.
  const generation = Number(citation.chunk_id?.split(":").at(-2));
  return { ...citation, generation, text: citation.quote };
}

function placesOf(row, job) {
  const seen = new Map();
  for (const citation of row.answered === false ? [] : row.citations) {
    const where = [citation.title || citation.document_id, pageOf(citation)].filter(Boolean).join(", ");
    if (citation.document_id && !seen.has(`${citation.marker} ${where}`)) seen.set(`${citation.marker} ${where}`, [where, citation]);
  }
  if (!seen.size) return [];
  const links = [...seen.values()].sort(([, a], [, b]) => a.marker - b.marker).map(([where, { marker, document_id: document }]) => {
    const told = new URLSearchParams({ collection: job.collection ?? "default", document });
    return make("li", {}, `${marker} `, make("a", { href: at(`/documents?${told}`) }, where));
  });
  return [make("ul", { className: "places", "aria-label": "Sources" }, ...links)];
}
