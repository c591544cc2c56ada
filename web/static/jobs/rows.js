// The rows of a job, documents or questions, each with what became of it, read page by page.

import { call } from "../shared/api.js";
import { FINAL, find, make, say, tried } from "../shared/dom.js";
import { PagedList } from "../shared/paged_list.js";
import { PagedTable } from "../shared/paged_table.js";
import { documentLine } from "./document_line.js";
import { questionLine } from "./question_line.js";

const PAGE = 100;
const DOCUMENTS = {
  path: "documents",
  heading: "Documents",
  columns: ["State", "Document", "What became of it"],
  nothing: "There are no such documents.",
  line: documentLine,
};
const QUESTIONS = {
  path: "questions",
  heading: "Questions",
  columns: ["State", "Question", "Answer"],
  nothing: "There are no such questions.",
  line: questionLine,
};

const list = new PagedList({ read: readPage, page: PAGE });
let table = null;
let job = null;

/** Return of what the rows of a job are, and how they are shown; null where it has none. */
export function rowsOf(job) {
  if (job.kind === "questions") return QUESTIONS;
  return ["ingest", "delete"].includes(job.kind) ? DOCUMENTS : null;
}

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
  const { heading, columns, nothing } = rowsOf(job);
  find("rows-section").hidden = false;
  find("rows-heading").textContent = heading;
  find("rows-empty").textContent = nothing;
  find("rows").tHead.replaceChildren(make("tr", {}, ...columns.map((name) => make("th", { scope: "col" }, name))));
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
  const { path } = rowsOf(job);
  const { [path]: rows, next_cursor: next } = await call("GET", `/api/jobs/${encodeURIComponent(job.id)}/${path}?${asked}`);
  // Rows stay where they are; a document may have several.
  return { entries: rows.map((row, n) => ({ ...row, called: row.id, id: `${cursor} ${n}` })), next };
}

function fill(body, rows) {
  const { line } = rowsOf(job);
  body.replaceChildren(...rows.map((row) => line(row, job)));
  return true;
}
