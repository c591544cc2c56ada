// The panel of one document: what is known of it, its text, its passages.

import { at, call, documentPath } from "../shared/api.js";
import { age, bytes, count, find, make, say } from "../shared/dom.js";

const CHARS = 20_000;
const PASSAGES = 50;

let shown = null; // { path, opener, part, next, reading }

/** Open the panel on a document of *collection*; focus moves to it where a click asked for it. */
export async function openDocument(collection, documentId, opener) {
  const mine = { path: documentPath(collection, documentId), opener, part: "text", next: 0, reading: false };
  shown = mine;
  find("document-title").textContent = documentId;
  find("document-where").textContent = "";
  find("document-facts").replaceChildren();
  find("document-text").replaceChildren();
  find("document-file").href = at(`${mine.path}/file`);
  say(find("document-said"));
  find("document").hidden = false;
  if (opener) find("document-title").focus({ preventScroll: true });
  try {
    const told = await call("GET", mine.path);
    if (shown !== mine) return;
    drawFacts(told);
    showPart("text");
  } catch (problem) {
    if (shown === mine) say(find("document-said"), problem.message);
  }
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
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) onClose();
  });
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
  find("document-facts").replaceChildren(
    ...facts.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, String(value))]),
  );
}

function showPart(part) {
  if (!shown) return;
  shown.part = part;
  shown.next = 0;
  shown.reading = false;
  find("show-text").setAttribute("aria-pressed", String(part === "text"));
  find("show-passages").setAttribute("aria-pressed", String(part === "passages"));
  find("document-text").replaceChildren();
  find("document-text").scrollTop = 0;
  readOn();
}

/** Append what follows of the text or of the passages. */
async function readOn() {
  const mine = shown;
  if (!mine || mine.reading || mine.next === null) return;
  mine.reading = true;
  const { part } = mine;
  try {
    const pieces = part === "text" ? await nextText(mine) : await nextPassages(mine);
    if (shown === mine && mine.part === part) find("document-text").append(...pieces);
  } catch (problem) {
    if (shown === mine) say(find("document-said"), problem.message);
    mine.next = null;
  } finally {
    mine.reading = false;
  }
}

async function nextText(mine) {
  const told = await call("GET", `${mine.path}/text?start=${mine.next}&end=${mine.next + CHARS}`);
  mine.next = told.end < told.chars ? told.end : null;
  return [told.text];
}

async function nextPassages(mine) {
  const cursor = mine.next ? `&cursor=${encodeURIComponent(mine.next)}` : "";
  const told = await call("GET", `${mine.path}/chunks?limit=${PASSAGES}${cursor}`);
  mine.next = told.next_cursor ?? null;
  return told.chunks.map((chunk) => {
    const called = chunk.page_label || chunk.page;
    const where = called ? `, ${chunk.page_kind || "page"} ${called}` : "";
    const context = chunk.context ? [make("span", { className: "context" }, `${chunk.context}\n`)] : [];
    return make("section", { className: "chunk" }, make("h4", {}, `Passage ${chunk.n + 1}${where}`), ...context, chunk.text);
  });
}
