// The rows of a job, documents or questions, each with what became of it, read page by page.

import { call } from "../shared/api.js";
import { FINAL, find, make, say, tried } from "../shared/dom.js";
import { PagedList } from "../shared/paged_list.js";
import { PagedTable } from "../shared/paged_table.js";
import { preparePassage } from "../ask/passage.js";
import { documentLine } from "./document_line.js";
import { countQuestions, fateOf } from "./question_count.js";
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
  columns: ["State", "Question", "Answer", "Confidence"],
  nothing: "There are no such questions.",
  line: questionLine,
};

const list = new PagedList({ read: readPage, page: PAGE });
let table = null;
let job = null;
let isCounted = false;

/** Return of what the rows of a job are, and how they are shown; null where it has none. */
export function rowsOf(job) {
  if (job.kind === "questions") return QUESTIONS;
  return ["ingest", "delete"].includes(job.kind) ? DOCUMENTS : null;
}

/** Show the rows of a job; called again when the job has moved on. */
export async function showRows(told) {
  const before = job;
  job = told;
  if (job.kind === "questions" && FINAL.has(job.state) && !isCounted) {
    isCounted = true;
    tried("rows-problem", () => countQuestions(job));
  }
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
  const { path, heading, columns, nothing } = rowsOf(job);
  find("rows-section").hidden = false;
  find("rows-heading").textContent = heading;
  find("rows-empty").textContent = nothing;
  find("rows").tHead.replaceChildren(make("tr", {}, ...columns.map((name) => make("th", { scope: "col", className: name === "Confidence" ? "number sureness" : "" }, name))));
  for (const option of find("rows-state").querySelectorAll("option")) {
    const { of } = option.dataset;
    if (of ? of !== path : option.value === "succeeded" && path === "questions") option.remove();
  }
  preparePassage();
  table = new PagedTable("rows", list, fill);
  find("rows-state").addEventListener("change", () => {
    list.reset();
    showRows(job);
  });
}

async function readPage(cursor) {
  const asked = new URLSearchParams({ limit: PAGE });
  const wanted = find("rows-state").value;
  const isFate = ["answered", "unanswered"].includes(wanted); // no state, and told by the rows alone
  if (wanted) asked.set("state", isFate ? "succeeded" : wanted);
  if (cursor) asked.set("cursor", cursor);
  const { path } = rowsOf(job);
  const { [path]: rows, next_cursor: next } = await call("GET", `/api/jobs/${encodeURIComponent(job.id)}/${path}?${asked}`);
  // Rows stay where they are; a document may have several.
  const entries = rows.map((row, n) => ({ ...row, called: row.id, id: `${cursor} ${n}` }));
  return { entries: isFate ? entries.filter((row) => fateOf(row) === wanted) : entries, next };
}

function fill(body, rows) {
  const { line } = rowsOf(job);
  body.replaceChildren(...rows.map((row) => line(row, job)));
  return true;
}
