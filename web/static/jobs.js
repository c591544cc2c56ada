// The table of recent jobs.

import { at, call } from "./api.js";
import { age, count, duration, FINAL, find, make, say, STATE_WORDS } from "./dom.js";

const SHOWN = 12;
const BUSY_MS = 1500;
const CALM_MS = 10_000;
const RETRYABLE = new Set(["failed", "cancelled", "expired", "partial"]);

let timer = 0;
let open = null;

/** Say which job is on the screen, so that its row stands out. */
export function markJob(id) {
  open = id;
  refreshJobs();
}

/** Read the jobs again, and then every now and then: often while something runs. */
export async function refreshJobs() {
  clearTimeout(timer);
  let busy = false;
  if (!document.hidden) {
    try {
      const { jobs } = await call("GET", `/api/jobs?limit=${SHOWN}`);
      draw(jobs);
      busy = jobs.some((job) => !FINAL.has(job.state));
      say(find("jobs-problem"));
    } catch (problem) {
      say(find("jobs-problem"), problem.message);
    }
  }
  clearTimeout(timer);
  timer = setTimeout(refreshJobs, busy ? BUSY_MS : CALM_MS);
}

function draw(jobs) {
  find("jobs").hidden = !jobs.length;
  find("jobs-empty").hidden = jobs.length > 0;
  const body = find("jobs").tBodies[0];
  // A click ends on what it began on, or nowhere: what is pressed stays until the next time.
  if (body.matches(":active")) return;
  // Redrawing takes the focus away: it is given back to the same button or link.
  const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  body.replaceChildren(...jobs.map(row));
  if (focused) body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function row(job) {
  const state = make("td", { className: "state" });
  state.dataset.state = job.state;
  state.title = STATE_WORDS[job.state] ?? job.state;
  state.append(
    make("span", { className: "dot", "aria-hidden": "true" }),
    make("span", { className: "word" }, STATE_WORDS[job.state] ?? job.state),
  );
  const link = make("a", { href: at(`/?job=${encodeURIComponent(job.id)}`), title: what(job) }, what(job));
  link.dataset.key = `open ${job.id}`;
  const line = make(
    "tr",
    {},
    state,
    make("td", { className: "what" }, ["query", "ingest", "reindex"].includes(job.kind) ? link : what(job)),
    make("td", { className: "wide" }, job.collection ?? ""),
    make("td", { className: "number" }, age(job.created_at)),
    make("td", { className: "number took" }, duration(job.timings_ms?.total)),
    make("td", {}, action(job)),
  );
  if (job.id === open) line.dataset.here = "";
  return line;
}

function what(job) {
  const { done = 0, total = 0, failed = 0 } = job.progress ?? {};
  switch (job.kind) {
    case "query":
      return job.request?.question ?? "Question";
    case "ingest": {
      const some = FINAL.has(job.state) ? count(total, "document") : `${done} of ${count(total, "document")}`;
      return `Add ${some}${failed ? `, ${failed} failed` : ""}`;
    }
    case "delete":
      return `Delete ${count(total || 1, "document")}`;
    case "delete_collection":
      return "Delete the collection";
    case "reindex":
      return FINAL.has(job.state) || !total ? "Reindex" : `Reindex ${done} of ${count(total, "document")}`;
    default:
      return job.kind;
  }
}

function action(job) {
  if (!FINAL.has(job.state)) return button(job, "Cancel", "DELETE", `/api/jobs/${job.id}`);
  if (RETRYABLE.has(job.state) && ["query", "ingest"].includes(job.kind)) {
    return button(job, "Retry", "POST", `/api/jobs/${job.id}/retry`);
  }
  return null;
}

function button(job, words, method, path) {
  const made = make("button", { type: "button", className: "plain", "aria-label": `${words}: ${what(job)}` }, words);
  made.dataset.key = `${words} ${job.id}`;
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      await call(method, path);
    } catch (problem) {
      say(find("jobs-problem"), problem.message);
      return;
    }
    refreshJobs();
  });
  return made;
}
