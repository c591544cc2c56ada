// One job as it is drawn in its panel and in its own view: how it stands, where its time went, what failed.

import { conditions } from "../ask/filter_words.js";
import { call } from "../shared/api.js";
import { age, count, duration, FINAL, find, make, STATE_WORDS, terms } from "../shared/dom.js";
import { action, addressOf, GIVEN_UP_WORDS, isGivenUp, standing } from "./job_words.js";
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
 */
export function drawJob(job, failed, { problem, done, more = [] }) {
  return [
    state(job),
    FINAL.has(job.state) ? null : quietly(standing(job)), // what went wrong is told below, whole
    ...problems(job),
    ...timeline(job),
    ...progressOf(job),
    facts(job),
    ...failures(job, failed),
    actions(job, { problem, done, more }),
  ].filter(Boolean);
}

function state(job) {
  const line = make("p", { className: "stage", role: "status" }, make("span", { className: "dot", "aria-hidden": "true" }), STATE_WORDS[job.state] ?? job.state);
  line.dataset.state = job.state;
  return line;
}

const quietly = (words) => (words ? make("p", { className: "quiet" }, words[0].toUpperCase() + words.slice(1)) : null);

function problems(job) {
  const told = [];
  if (isGivenUp(job)) told.push(notice(GIVEN_UP_WORDS));
  else if (job.error) told.push(notice([job.error.title, job.error.detail].filter(Boolean).join(": ")));
  if (job.note) told.push(notice(job.note));
  return told;
}

const notice = (words) => make("p", { className: "notice", "data-kind": "bad" }, words);

function progressOf(job) {
  const { done = 0, total = 0, unit = "documents" } = job.progress ?? {};
  if (!total) return [];
  const bar = make("progress", { max: total, value: done, "aria-label": "Progress" });
  return [make("p", { className: "quiet" }, `${done.toLocaleString("en")} of ${total.toLocaleString("en")} ${unit}`), bar];
}

function facts(job) {
  const told = [
    ["Kind", job.kind.replace("_", " ")],
    ["Collection", job.collection],
    ["Only where", conditions(job.request?.filters).join(" and ")],
    ["Asked", `${age(job.created_at)} ago`],
    ["Took", duration(job.timings_ms?.total)],
    ["Attempts", job.attempts > 1 ? String(job.attempts) : ""],
    ["Retry of", job.retry_of],
  ];
  return make("dl", { className: "about" }, ...terms(told));
}

function failures(job, rows) {
  if (!rows.length) return [];
  const items = rows.map((row) =>
    make("li", {}, make("span", { className: "name" }, row.document_id ?? row.question), make("span", { className: "why" }, row.error?.detail ?? row.error?.title ?? row.state)),
  );
  const { failed } = job.progress;
  const more = failed > rows.length ? [make("p", { className: "quiet" }, `and ${count(failed - rows.length, "more", "more")}`)] : [];
  return [make("h3", {}, `${count(failed, job.kind === "questions" ? "question" : "document")} failed`), make("ul", { className: "failures" }, ...items), ...more];
}

function actions(job, { problem, done, more }) {
  const words = { query: "Open the answer", questions: "Open the answers", ingest: "Open the documents" }[job.kind];
  const link = words && addressOf(job) !== location.pathname ? make("a", { href: addressOf(job) }, words) : null;
  const line = make("p", { className: "row" }, link, ...more, action(job, { problem, done }));
  return line.children.length ? line : null;
}

/** Show a job's name in the view's heading. */
export function nameJob(title, id) {
  find("job-title").textContent = title;
  find("job-where").textContent = id;
}
