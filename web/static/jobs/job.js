// A job's own view: how it stands, how its passages were found, its rows.

import { ApiProblem, at, call } from "../shared/api.js";
import { FINAL, find, make, redraw, say, tried } from "../shared/dom.js";
import { watchHealth } from "../shared/health_light.js";
import { drawJob, failedRows, nameJob } from "./job_view.js";
import { pathOf, what } from "./job_words.js";
import { rowsOf, showRows } from "./rows.js";
import { drawTrace } from "./trace.js";

const BUSY_MS = 1000;

const id = document.body.dataset.job;
let timer = 0;
let told = ""; // what is drawn, so that what stays the same stays in place

/** Read the job, and again until it has ended. */
async function follow() {
  clearTimeout(timer);
  let again = true;
  if (!document.hidden) {
    try {
      const job = await call("GET", `/api/jobs/${encodeURIComponent(id)}`);
      draw(job, await failedRows(job));
      again = !FINAL.has(job.state);
      say(find("job-problem"));
    } catch (problem) {
      if (!(problem instanceof ApiProblem)) throw problem;
      say(find("job-problem"), problem.message);
      again = ![404, 410].includes(problem.status);
    }
  }
  if (again) timer = setTimeout(follow, BUSY_MS);
}

function draw(job, failed) {
  const fresh = JSON.stringify(job);
  if (FINAL.has(job.state) && fresh === told) return;
  told = fresh;
  nameJob(what(job), job.id);
  document.title = `${what(job).slice(0, 60)} · Quern`;
  redraw(find("job-body"), drawJob(job, failed, { isListed: !rowsOf(job), problem: "job-problem", done: follow, more: [traceAgain(job), ...exports(job)].filter(Boolean) }));
  if (job.result?.trace) drawTrace(job);
  if (rowsOf(job)) showRows(job);
}

/** Return the button that asks once more, and keeps how the passages were found. */
function traceAgain(job) {
  if (job.kind !== "query" || !FINAL.has(job.state) || job.result?.trace || !job.request) return null;
  const button = make("button", { type: "button", className: "plain" }, "Ask again, and show how the passages are found");
  button.dataset.key = "trace";
  button.addEventListener("click", async () => {
    button.disabled = true;
    const { question, history = [], filters = null, priority, top_k: topK } = job.request;
    const asked = { question, collection: job.collection, history, filters, priority, top_k: topK, trace: true };
    await tried("job-problem", async () => location.assign(pathOf((await call("POST", "/api/queries", asked)).id)));
    button.disabled = false;
  });
  return button;
}

/** Return links to a list's answers as files. */
function exports(job) {
  if (job.kind !== "questions") return [];
  return Object.entries({ csv: "Download as CSV", jsonl: "as lines of JSON" }).map(([format, words]) =>
    make("a", { href: at(`/api/jobs/${encodeURIComponent(job.id)}/export?format=${format}`), download: "" }, words),
  );
}

document.addEventListener("visibilitychange", () => document.hidden || follow());
watchHealth();
follow();
