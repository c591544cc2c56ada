// The panel of one document: what is known of it, its text, its passages.

import { at, call, documentPath } from "../shared/api.js";
import { age, bytes, count, find, make, onEscape, pageOf, say, terms } from "../shared/dom.js";

const CHARS = 20_000;
const BEFORE = 2_000; // characters above a passage that is looked for
const PASSAGES = 50;
const ACTS = ["document-ask", "document-file", "document-replace", "document-reingest", "document-delete", "show-text", "show-passages"];

let shown = null; // { path, opener, part: { name, next, reading, span } }: what is read of it, and from where on

/**
 * Open the panel on a document of *collection*; focus moves to it where a click asked for it.
 *
 * Its text begins somewhat before *span*, which is marked, or where it is null at the beginning.
 */
export async function openDocument(collection, documentId, opener, span = null) {
  const mine = { path: documentPath(collection, documentId), opener, part: null };
  shown = mine;
  find("document-title").textContent = documentId;
  find("document-where").textContent = "";
  find("document-facts").replaceChildren();
  find("document-text").replaceChildren();
  find("document-file").href = at(`${mine.path}/file`);
  find("document-ask").href = at(`/?${new URLSearchParams({ collection, only: documentId })}`);
  say(find("document-said"));
  offerActs(true);
  find("document").hidden = false;
  if (opener) find("document-title").focus({ preventScroll: true });
  try {
    const told = await call("GET", mine.path);
    if (shown !== mine) return;
    drawFacts(told);
    if (!mine.part) showPart("text", span);
  } catch (problem) {
    if (shown !== mine) return;
    say(find("document-said"), problem.message);
    offerActs(problem.status !== 404);
  }
}

/** Offer what may be done with a document, or nothing where there is none. */
function offerActs(isThere) {
  for (const id of ACTS) find(id).hidden = !isThere;
}

/** Close the panel and give the focus back to what opened it. */
export function closeDocument({ refocus = true } = {}) {
  if (!shown) return;
  find("document").hidden = true;
  if (refocus) shown.opener?.focus();
  shown = null;
}

export const sayOfDocument = (words) => say(find("document-said"), words);

/** Read text and passages on as they are scrolled to; *onClose* is told where the panel is closed. */
export function preparePanel(onClose) {
  find("document-close").addEventListener("click", onClose);
  onEscape(onClose);
  find("show-text").addEventListener("click", () => showPart("text"));
  find("show-passages").addEventListener("click", () => showPart("passages"));
  const text = find("document-text");
  text.addEventListener("scroll", () => {
    if (text.scrollTop + text.clientHeight > text.scrollHeight - 300) readOn();
  });
}

function drawFacts(told) {
  const named = told.title && told.title !== told.document_id;
  find("document-title").textContent = told.title || told.document_id;
  find("document-where").textContent = named ? told.document_id : "";
  const facts = [
    ["Size", [bytes(told.bytes), count(told.chars ?? 0, "character"), count(told.chunks, "passage")].join(", ")],
    ["Language", told.language],
    ["Added", told.updated_at ? `${age(told.updated_at)} ago` : ""],
    ["Encoding", told.encoding],
    ...Object.entries(told.metadata ?? {}).map(([name, value]) => [name, [].concat(value).join(", ")]),
    ...(told.notes ?? []).map((note) => ["Note", note]),
  ];
  find("document-facts").replaceChildren(...terms(facts));
}

function showPart(name, span = null) {
  if (!shown) return;
  shown.part = { name, next: span ? Math.max(0, span.start - BEFORE) : 0, reading: false, span };
  find("show-text").setAttribute("aria-pressed", String(name === "text"));
  find("show-passages").setAttribute("aria-pressed", String(name === "passages"));
  find("document-text").replaceChildren();
  find("document-text").scrollTop = 0;
  readOn();
}

/** Append what follows of the text or of the passages. */
async function readOn() {
  const { path, part } = shown ?? {};
  if (!part || part.reading || part.next === null) return;
  part.reading = true;
  try {
    const pieces = part.name === "text" ? await nextText(path, part) : await nextPassages(path, part);
    if (shown?.part === part) find("document-text").append(...pieces);
    pieces.find((piece) => piece.tagName === "MARK")?.scrollIntoView({ block: "center" });
  } catch (problem) {
    if (shown?.part === part) say(find("document-said"), problem.message);
    part.next = null;
  } finally {
    part.reading = false;
  }
}

async function nextText(path, part) {
  const told = await call("GET", `${path}/text?start=${part.next}&end=${part.next + CHARS}`);
  part.next = told.end < told.chars ? told.end : null;
  const { span } = part;
  if (!span || span.start < told.start || span.start >= told.end) return [told.text];
  const points = Array.from(told.text);
  const [from, to] = [span.start - told.start, span.end - told.start];
  const above = (told.start > 0 ? "\u2026 " : "") + points.slice(0, from).join("");
  return [above, make("mark", {}, points.slice(from, to).join("")), points.slice(to).join("")];
}

async function nextPassages(path, part) {
  const cursor = part.next ? `&cursor=${encodeURIComponent(part.next)}` : "";
  const told = await call("GET", `${path}/chunks?limit=${PASSAGES}${cursor}`);
  part.next = told.next_cursor ?? null;
  return told.chunks.map((chunk) => {
    const where = pageOf(chunk);
    const context = chunk.context ? [make("span", { className: "context" }, `${chunk.context}\n`)] : [];
    const title = `Passage ${chunk.n + 1}${where ? `, ${where}` : ""}`;
    return make("section", { className: "chunk" }, make("h4", {}, title), ...context, chunk.text);
  });
}
