// The documents of a collection, read page by page as they come into sight.

import { call } from "../shared/api.js";
import { age, count, find, make, say } from "../shared/dom.js";

const PAGE = 100;
const ROUNDS = 5; // calls of a search that found nothing so far, before somebody is asked

let shown = { collection: "", how: "prefix", words: "", cursor: "", rounds: 0, over: false, reading: false };
let open = () => {};

/** Show the documents of *collection* whose ids begin with *words*, or contain them, from the first. */
export async function listDocuments(collection, { how, words }) {
  shown = { collection, how, words, cursor: "", rounds: 0, over: false, reading: false };
  find("documents").replaceChildren();
  find("search-on").hidden = true;
  say(find("documents-empty"));
  say(find("documents-end"));
  await readOn();
}

/** Take a document out of the list, which was deleted. */
export function forget(documentId) {
  lineOf(documentId)?.remove();
  if (shown.over && !find("documents").children.length) sayEmpty();
}

/** Mark the document that is open, none for null. */
export function markDocument(documentId) {
  for (const line of find("documents").querySelectorAll("[data-here]")) delete line.dataset.here;
  const line = documentId === null ? null : lineOf(documentId);
  if (line) line.dataset.here = "";
}

/** Read a page more whenever the end of the list comes near; *act* opens a document. */
export function prepareList(act) {
  open = act;
  new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && readOn(), { rootMargin: "600px" })
    .observe(find("documents-end"));
  find("search-on").addEventListener("click", () => {
    find("search-on").hidden = true;
    shown.over = false;
    readOn();
  });
}

/** Read the next page, unless one is being read or there is none. */
async function readOn() {
  const mine = shown;
  if (mine.over || mine.reading || !mine.collection) return;
  mine.reading = true;
  say(find("documents-end"), "Reading more");
  try {
    const asked = new URLSearchParams({ limit: PAGE });
    if (mine.words) asked.set(mine.how, mine.words);
    if (mine.cursor) asked.set("cursor", mine.cursor);
    const page = await call("GET", `/api/collections/${encodeURIComponent(mine.collection)}/documents?${asked}`);
    if (shown !== mine) return;
    find("documents").append(...page.documents.map(line));
    mine.cursor = page.next_cursor ?? "";
    mine.over = !page.next_cursor;
    say(find("documents-problem"));
    // A search looks at so many names at a time: nobody has to wait for the end of a million.
    const isShort = page.next_cursor && page.documents.length < PAGE && "searched" in page;
    if (isShort) mine.rounds = page.documents.length ? ROUNDS : mine.rounds + 1;
    if (isShort && mine.rounds >= ROUNDS) {
      mine.rounds = 0;
      mine.over = true;
      find("search-on").hidden = false;
      say(find("documents-end"), `Searched ${page.searched.toLocaleString("en")} of ${count(page.total, "name")}.`);
      return;
    }
  } catch (problem) {
    if (shown !== mine) return;
    mine.over = true;
    // A collection is made when its first document comes.
    if (problem.status !== 404) {
      say(find("documents-problem"), problem.message);
      say(find("documents-end"));
      return;
    }
  } finally {
    mine.reading = false;
  }
  if (!mine.over) {
    // The observer tells of changes only: what still is in sight is asked for here.
    const end = find("documents-end").getBoundingClientRect();
    if (end.top < innerHeight + 600) await readOn();
    return;
  }
  say(find("documents-end"));
  if (!find("documents").children.length) sayEmpty();
}

function sayEmpty() {
  const words = shown.words
    ? `No document’s file name ${shown.how === "prefix" ? "begins with" : "contains"} “${shown.words}”.`
    : "There are no documents yet in this collection. Choose files above, or drop them there.";
  say(find("documents-empty"), words);
}

function line(document) {
  const named = document.title && document.title !== document.document_id;
  const button = make(
    "button",
    { type: "button", className: "open", "aria-controls": "document" },
    make("span", { className: "title" }, document.title || document.document_id),
    make("span", { className: "where" }, named ? document.document_id : ""),
    make("span", { className: "size" }, count(document.chunks, "passage")),
    make("span", { className: "when" }, document.updated_at ? `${age(document.updated_at)} ago` : ""),
  );
  button.addEventListener("click", () => open(document.document_id, button));
  const made = make("li", {}, button);
  made.dataset.id = document.document_id;
  return made;
}

const lineOf = (documentId) => find("documents").querySelector(`[data-id="${CSS.escape(documentId)}"]`);
