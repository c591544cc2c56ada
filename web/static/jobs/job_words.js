// What a job is called, how it stands, where it is shown, and what may be done with it.

import { at, call } from "../shared/api.js";
import { now } from "../shared/clock.js";
import { count, duration, FINAL, make, STATE_WORDS, tried } from "../shared/dom.js";

const RETRYABLE = new Set(["failed", "cancelled", "expired", "partial"]);
const RETRYABLE_KINDS = new Set(["query", "questions", "ingest", "reindex"]);
const GIVEN_UP = "too_many_attempts";
export const KIND_WORDS = {
  query: "questions",
  questions: "lists of questions",
  ingest: "documents added",
  delete: "documents deleted",
  delete_collection: "collections deleted",
  reindex: "reindexes",
  check: "checks",
};
export const ONE_OF_KIND = { query: "question", questions: "list of questions", reindex: "reindex", check: "check" };
const SETTLING_MS = 10_000;
const again = new Map(); // what was retried here: id → the new job’s
let retriedAt = -Infinity;
const stopping = new Set(); // what was asked to stop: said until it has

export const GIVEN_UP_WORDS =
  "A worker process died each time it worked on this, also when it did nothing else. Quern tries no more, so that the work of others goes on. " +
  "What to do: read the worker’s log (“quern logs”). Where memory ran out, give the machine more. Where a file is to blame, take it out or split it. Then retry.";

/** Return the path of a job's own view. */
export const pathOf = (id) => at(`/jobs/${encodeURIComponent(id)}`);

/** Return where a job's work is seen: a question with its answer, an ingest with its documents. */
export function addressOf(job) {
  const told = new URLSearchParams({ job: job.id });
  if (job.kind === "query") return at(`/?${told}`);
  if (job.kind === "ingest") {
    return at(`/documents?${new URLSearchParams({ collection: job.collection ?? "default", job: job.id })}`);
  }
  return job.kind === "questions" ? pathOf(job.id) : at(`/jobs?${told}`);
}

/** Draw a state as a cell of a table of rows: a dot and words. */
export function stateCell(state, words = STATE_WORDS[state] ?? state) {
  const cell = make("td", { className: "state", title: words }, make("span", { className: "dot", "aria-hidden": "true" }), make("span", { className: "word" }, words));
  cell.dataset.state = state;
  return cell;
}

/** Say what a job does. */
export function what(job) {
  const { done = 0, total = 0, failed = 0 } = job.progress ?? {};
  switch (job.kind) {
    case "query":
      return job.request?.question ?? "Question";
    case "questions":
      return FINAL.has(job.state) ? `Ask ${count(total, "question")}` : `Ask ${done.toLocaleString("en")} of ${count(total, "question")}`;
    case "ingest": {
      const some = FINAL.has(job.state) ? count(total, "document") : `${done.toLocaleString("en")} of ${count(total, "document")}`;
      return `Add ${some}${failed ? `, ${failed.toLocaleString("en")} failed` : ""}`;
    }
    case "delete":
      return `Delete ${count(total || 1, "document")}`;
    case "delete_collection":
      return "Delete the collection";
    case "reindex":
      return FINAL.has(job.state) || !total ? "Reindex" : `Reindex ${done.toLocaleString("en")} of ${count(total, "document")}`;
    case "check":
      return FINAL.has(job.state) || !total ? "Check" : `Check ${done.toLocaleString("en")} of ${count(total, "document")}`;
    default:
      return job.kind;
  }
}

/** Return whether something of a job was given up, because its workers died over it. */
export const isGivenUp = (job) => job.error?.type === GIVEN_UP || (job.progress?.given_up ?? 0) > 0;

/** Say in a line why a job waits or what went wrong; empty where all is as it should be. */
export function standing(job) {
  if (job.filling && job.filled) {
    return `getting its rows: ${job.filled.done.toLocaleString("en")} of ${job.filled.total.toLocaleString("en")}`;
  }
  const { position, eta_s: eta } = job.queue ?? {};
  if (position) return `number ${position.toLocaleString("en")} in the queue${eta ? `, about ${duration(eta * 1000)} to go` : ""}`;
  const { given_up: lost, unit = "documents" } = job.progress ?? {};
  if (lost) return `gave up on ${count(lost, unit.replace(/s$/, ""))}: the worker died each time`;
  if (job.error?.type === GIVEN_UP) return "given up: the worker died each time";
  if (job.error) return job.error.title ?? "";
  const { turn, began_with: first } = job.conversation ?? {};
  return turn ? `question ${turn} of what began with “${first}”` : "";
}

/** Return for how long a job has waited, ms: until its start, its end, or now. */
export function waitedMs(job) {
  if (job.timings_ms?.queued !== undefined) return job.timings_ms.queued;
  return (Date.parse(job.started_at ?? job.finished_at ?? "") || now()) - Date.parse(job.created_at);
}

/** Return for how long a job has been worked on, ms: until its end, or now; null where it never was. */
export function ranMs(job) {
  if (!job.started_at) return null;
  return (Date.parse(job.finished_at ?? "") || now()) - Date.parse(job.started_at);
}

/** Return whether a job was retried just now: what is below the pointer then stays there. */
export const isSettling = () => performance.now() - retriedAt < SETTLING_MS;

/**
 * Return the button for what may be done with a job, or null.
 *
 * A failure is said in the element *problem*; *done* is told the job that was answered with.
 */
export function action(job, { problem, done }) {
  if (!FINAL.has(job.state)) return button(job, "Cancel", "DELETE", `/api/jobs/${job.id}`, { problem, done });
  const retry = again.get(job.id) ?? job.retried_as;
  if (retry) return tryingAgain(job, retry);
  // Of one whose record the disk lost nobody knows what it was asked.
  if (RETRYABLE.has(job.state) && RETRYABLE_KINDS.has(job.kind) && !job.note) {
    return button(job, "Retry", "POST", `/api/jobs/${job.id}/retry`, { problem, done });
  }
  return null;
}

/** Put a link to the job that was begun in the place of the button that began it. */
function leadOn(button, job, begun) {
  if (begun.id === job.id) return;
  again.set(job.id, begun.id);
  retriedAt = performance.now();
  const link = tryingAgain(job, begun.id);
  button.replaceWith(link);
  link.focus({ preventScroll: true });
}

/** Return a link to the job *id* that tries *job* again, in place of its button. */
function tryingAgain(job, id) {
  const link = make("a", { href: addressOf({ ...job, id }), className: "again", title: `As ${id}` }, "Tried again");
  link.setAttribute("aria-label", `Tried again as ${id}`);
  link.dataset.key = `again ${id}`;
  return link;
}

function button(job, words, method, path, { problem, done }) {
  const stops = words === "Cancel" && stopping.has(job.id);
  const made = make("button", { type: "button", className: "plain", "aria-label": `${words}: ${what(job)}`, disabled: stops }, stops ? "Stopping" : words);
  made.dataset.key = `${words} ${job.id}`;
  made.addEventListener("click", async () => {
    made.disabled = true;
    // A running body stops at its next step: what was asked is said until then.
    if (words === "Cancel") {
      stopping.add(job.id);
      made.textContent = "Stopping";
    }
    const went = await tried(problem, async () => {
      const told = await call(method, path);
      if (words === "Retry") leadOn(made, job, told);
      await done(told);
    });
    if (went && words === "Cancel") return;
    stopping.delete(job.id);
    made.disabled = false; // a retry that fails may be made once more
    made.textContent = words;
  });
  return made;
}
