// One job as it is drawn in its panel and in its own view: how it stands, where its time went, what failed.

import { conditions } from "../ask/filter_words.js";
import { call } from "../shared/api.js";
import { age, count, duration, FINAL, find, make, STATE_WORDS, terms } from "../shared/dom.js";
import { isHopeless, whyFailed } from "./hopeless.js";
import { action, addressOf, GIVEN_UP_WORDS, isGivenUp, KIND_WORDS, ONE_OF_KIND, pathOf, standing } from "./job_words.js";
import { rowsOf } from "./rows.js";
import { timeline } from "./timeline.js";

const FAILED = 50; // rows that are listed with their reasons

/** Read the first rows of a job that failed; none where it has no rows. */
export async function failedRows(job) {
  const rows = rowsOf(job);
  if (!job.progress?.failed || !rows) return [];
  const { [rows.path]: failed } = await call("GET", `/api/jobs/${encodeURIComponent(job.id)}/${rows.path}?state=failed&limit=${FAILED}`);
  return failed;
}

/**
 * Draw a job: its parts, from how it stands to what may be done.
 *
 * *problem* and *done* are as for `action`; *more* are links and buttons that go before those.
 * What failed is not named again where it *isListed* not: where a table of all rows follows.
 */
export function drawJob(job, failed, { problem, done, more = [], isListed = true }) {
  return [
    state(job),
    FINAL.has(job.state) ? null : quietly(standing(job)), // what went wrong is told below, whole
    ...problems(job),
    ...timeline(job),
    ...progressOf(job),
    facts(job),
    ...(isListed ? failures(job, failed) : []),
    actions(job, { problem, done, more, isLost: isLost(job, failed) }),
  ].filter(Boolean);
}

function state(job) {
  const line = make("p", { className: "stage", role: "status" }, make("span", { className: "dot", "aria-hidden": "true" }), STATE_WORDS[job.state] ?? job.state);
  line.dataset.state = job.state;
  return line;
}

const quietly = (words) => (words ? make("p", { className: "quiet" }, words[0].toUpperCase() + words.slice(1)) : null);

const NONE_WORDS = {
  documents_failed: "No document succeeded. Below stands why, for each.",
  questions_failed: "No question was answered. Below stands why, for each.",
};

function problems(job) {
  const told = [];
  if (isGivenUp(job)) told.push(notice(GIVEN_UP_WORDS));
  else if (NONE_WORDS[job.error?.type]) told.push(notice(NONE_WORDS[job.error.type]));
  else if (job.error) told.push(notice([job.error.title, job.error.detail].filter(Boolean).join(": ")));
  if (job.note) told.push(notice(job.note));
  return told;
}

const notice = (words) => make("p", { className: "notice", "data-kind": "bad" }, words);

const NO_RETRY = "What failed would fail again: mend the files and add them again.";
// A file that was read may hold no text, or what is there already: then nothing was added.
const DONE_WORDS = { ingest: "read", delete: "deleted" };

function progressOf(job) {
  const { done = 0, total = 0, failed = 0, cancelled = 0, unit = "documents" } = job.progress ?? {};
  if (!total) return [];
  // What failed is over, and yet nothing to be pleased about.
  const good = done - failed - cancelled;
  const bar = make("progress", { max: total, value: good, "aria-label": "Progress" });
  const words = [
    `${good.toLocaleString("en")} of ${total.toLocaleString("en")} ${DONE_WORDS[job.kind] ?? unit}`,
    failed ? `${failed.toLocaleString("en")} failed` : "",
    cancelled ? `${cancelled.toLocaleString("en")} cancelled` : "",
  ];
  return [make("p", { className: "quiet" }, words.filter(Boolean).join(", ")), bar];
}

function facts(job) {
  const told = [
    ["Kind", ONE_OF_KIND[job.kind] ?? KIND_WORDS[job.kind] ?? job.kind],
    ["Collection", job.collection],
    ["Only where", conditions(job.request?.filters).join(" and ")],
    ["Asked", `${age(job.created_at)} ago`],
    ["Took", duration(job.timings_ms?.total)],
    ["Attempts", job.attempts > 1 ? String(job.attempts) : ""],
    ["Retry of", job.retry_of && make("a", { href: pathOf(job.retry_of) }, job.retry_of)],
  ];
  return make("dl", { className: "about" }, ...terms(told));
}

function failures(job, rows) {
  if (!rows.length) return [];
  const items = rows.map((row) =>
    make("li", {}, make("span", { className: "name" }, row.document_id ?? row.question), make("span", { className: "why" }, whyFailed(row) || row.state)),
  );
  const { failed } = job.progress;
  const more = failed > rows.length ? [make("p", { className: "quiet" }, `and ${count(failed - rows.length, "more", "more")}`)] : [];
  return [make("h3", {}, `${count(failed, job.kind === "questions" ? "question" : "document")} failed`), make("ul", { className: "failures" }, ...items), ...more];
}

/** Return whether all that failed would fail again. */
function isLost(job, rows) {
  const { failed = 0, cancelled = 0 } = job.progress ?? {};
  return rows.length > 0 && rows.length === failed + cancelled && rows.every(isHopeless);
}

function actions(job, { problem, done, more, isLost: isOver }) {
  const words = { query: "Open the answer", questions: "Open the answers", ingest: "Open the documents" }[job.kind];
  const link = words && addressOf(job) !== location.pathname ? make("a", { href: addressOf(job) }, words) : null;
  const retry = isOver ? make("span", { className: "quiet" }, NO_RETRY) : action(job, { problem, done });
  const line = make("p", { className: "row" }, link, ...more, retry);
  return line.children.length ? line : null;
}

/** Show a job's name in the view's heading. */
export function nameJob(title, id) {
  find("job-title").textContent = title;
  find("job-where").textContent = id;
}
