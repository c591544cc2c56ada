// The documents of a job, each with what became of it, read page by page.

import { at, call } from "../shared/api.js";
import { count, FINAL, find, make, say, STATE_WORDS, tried } from "../shared/dom.js";
import { PagedList } from "../shared/paged_list.js";
import { PagedTable } from "../shared/paged_table.js";

const PAGE = 100;
const OUTCOMES = {
  created: "added",
  updated: "updated",
  unchanged: "unchanged",
  duplicate_of: "the same as another",
  superseded: "a newer version came meanwhile",
  empty: "no text in it",
  removed: "deleted",
};

const list = new PagedList({ read: readPage, page: PAGE });
let table = null;
let job = null;

/** Show the rows of a job; called again when the job has moved on. */
export async function showRows(told) {
  const before = job;
  job = told;
  if (!table) prepare();
  const seen = table.inSight;
  await tried("rows-problem", async () => {
    if (!list.isRead) await list.readFirst();
    else if (!FINAL.has(before.state)) await Promise.all(seen.filter(mayChange).map((page) => list.readAgain(page)));
    table.draw();
    say(find("rows-problem"));
  });
}

/** Return whether rows of a page may become others, or be followed by new ones. */
const mayChange = (page) => page === list.pages.at(-1) || page.entries.some((row) => !FINAL.has(row.state));

function prepare() {
  find("rows-section").hidden = false;
  table = new PagedTable("rows", list, fill);
  find("rows-state").addEventListener("change", () => {
    list.reset();
    showRows(job);
  });
}

async function readPage(cursor) {
  const asked = new URLSearchParams({ limit: PAGE });
  if (find("rows-state").value) asked.set("state", find("rows-state").value);
  if (cursor) asked.set("cursor", cursor);
  const { documents, next_cursor: next } = await call("GET", `/api/jobs/${encodeURIComponent(job.id)}/documents?${asked}`);
  // Rows stay where they are; a document may have several.
  return { entries: documents.map((row, n) => ({ ...row, id: `${cursor} ${n}` })), next };
}

function fill(body, rows) {
  body.replaceChildren(...rows.map(line));
  return true;
}

function line(row) {
  const words = STATE_WORDS[row.state] ?? row.state;
  const state = make("td", { className: "state", title: words }, make("span", { className: "dot", "aria-hidden": "true" }), make("span", { className: "word" }, words));
  state.dataset.state = row.state;
  const told = new URLSearchParams({ collection: job.collection ?? "default", document: row.document_id });
  const isThere = job.kind === "ingest" && row.state === "succeeded" && row.outcome !== "empty";
  const name = isThere ? make("a", { href: at(`/documents?${told}`) }, row.document_id) : row.document_id;
  return make("tr", {}, state, make("td", { className: "name" }, name), make("td", {}, fate(row)));
}

/** Say what became of a document. */
function fate(row) {
  const outcome = [OUTCOMES[row.outcome] ?? row.outcome, row.duplicate_of, row.chunks ? count(row.chunks, "passage") : ""];
  return [
    row.error ? (row.error.detail ?? row.error.title) : outcome.filter(Boolean).join(", "),
    row.attempts > 1 ? count(row.attempts, "attempt") : "",
    row.note,
  ].filter(Boolean).join("; ");
}
