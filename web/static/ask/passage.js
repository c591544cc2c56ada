// The panel that shows a source's passage with the quoted words marked.

import { ApiProblem, at, call, documentPath } from "../shared/api.js";
import { find, make, onEscape, pageOf, say } from "../shared/dom.js";
import { becameOf } from "./since.js";

const AROUND = 20_000; // characters of the document on either side of a passage

let opener = null;

/** Open *source* of *collection* with the quotes of *citations* marked; focus moves to the panel. */
export function openPassage(source, citations, collection, from) {
  opener?.setAttribute("aria-expanded", "false");
  opener = from;
  opener.setAttribute("aria-expanded", "true");
  find("passage-title").textContent = source.title || source.document_id;
  find("passage-where").textContent = whereabouts(source);
  const text = find("passage-text");
  // What the passage is read with stands above it, and is no part of it: no offset counts it.
  const context = source.context ? [make("span", { className: "context" }, `${source.context}\n`)] : [];
  text.replaceChildren(...context, ...marked(source, citations));
  text.hidden = Boolean(source.deleted);
  find("passage-file").href = at(`${documentPath(collection, source.document_id)}/file`);
  find("passage-file").hidden = Boolean(source.deleted);
  say(find("passage-since"), source.deleted ? "The document was deleted since, and its text is withheld." : "");
  find("passage").hidden = false;
  if (!source.deleted) {
    lookAgain(source, collection, from);
    surround(source, citations, collection, from);
    scrollToMark();
  }
  find("passage-title").focus({ preventScroll: true });
}

/** Show the passage within the text of its document, where that still is the text that was read. */
async function surround(source, citations, collection, from) {
  const start = Math.max(0, source.start - AROUND);
  const asked = new URLSearchParams({ generation: source.generation, start, end: source.end + AROUND });
  let told;
  try {
    told = await call("GET", `${documentPath(collection, source.document_id)}/text?${asked}`);
  } catch (problem) {
    if (problem instanceof ApiProblem) return; // replaced or deleted: the passage stands alone
    throw problem;
  }
  const points = Array.from(told.text);
  const at = source.start - start;
  const passage = points.slice(at, at + source.end - source.start).join("");
  if (opener !== from || passage !== source.text) return;
  const before = (start > 0 ? "\u2026 " : "") + points.slice(0, at).join("");
  const after = points.slice(at + source.end - source.start).join("") + (told.end < told.chars ? " \u2026" : "");
  find("passage-text").replaceChildren(
    make("span", { className: "around" }, before),
    make("span", { className: "own" }, ...marked(source, citations)),
    make("span", { className: "around" }, after),
  );
  scrollToMark();
}

/** Scroll to the first marked words, or to where the passage begins. */
function scrollToMark() {
  const text = find("passage-text");
  const first = text.querySelector("mark") ?? text.querySelector(".own");
  text.scrollTop = first ? first.offsetTop - text.offsetTop - text.clientHeight / 3 : 0;
}

const SINCE_WORDS = {
  changed: "The document has changed since.",
  deleted: "The document was deleted since. The answer keeps what it quoted.",
};

/** Say whether the document was deleted or replaced since the answer quoted it. */
async function lookAgain(source, collection, from) {
  const since = await becameOf(source, collection);
  if (opener !== from) return;
  find("passage-file").hidden = since === "deleted";
  say(find("passage-since"), SINCE_WORDS[since]);
}

/** Close the panel and give the focus back to what opened it. */
export function closePassage({ refocus = true } = {}) {
  if (find("passage").hidden) return;
  find("passage").hidden = true;
  opener?.setAttribute("aria-expanded", "false");
  if (refocus) opener?.focus();
  opener = null;
}

export function whereabouts(source) {
  const named = source.title && source.title !== source.document_id;
  return [named ? source.document_id : "", pageOf(source)].filter(Boolean).join(", ");
}

/** Split a passage into text and marks. Offsets count code points, JavaScript strings do not. */
function marked(source, citations) {
  const points = Array.from(source.text);
  const spans = citations
    .map(({ start, end }) => [Math.max(0, start - source.start), Math.min(points.length, end - source.start)])
    .filter(([start, end]) => start < end)
    .sort((a, b) => a[0] - b[0]);
  const pieces = [];
  let at = 0;
  for (const [start, end] of spans) {
    if (end <= at) continue;
    const from = Math.max(at, start);
    pieces.push(points.slice(at, from).join(""));
    pieces.push(make("mark", {}, points.slice(from, end).join("")));
    at = end;
  }
  pieces.push(points.slice(at).join(""));
  return pieces.filter((piece) => piece !== "");
}

export function preparePassage() {
  find("passage-close").addEventListener("click", () => closePassage());
  onEscape(closePassage);
}
