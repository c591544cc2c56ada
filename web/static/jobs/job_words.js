// What a job is called, where it is shown, and what may be done with it.

import { at, call } from "../shared/api.js";
import { count, FINAL, make } from "../shared/dom.js";

const RETRYABLE = new Set(["failed", "cancelled", "expired", "partial"]);

/** Return where a job is shown: a question with its answer, an ingest with its documents. */
export function addressOf(job) {
  const told = new URLSearchParams({ job: job.id });
  if (job.kind === "query") return at(`/?${told}`);
  if (job.kind === "ingest") {
    return at(`/documents?${new URLSearchParams({ collection: job.collection ?? "default", job: job.id })}`);
  }
  return at(`/jobs?${told}`);
}

/** Say what a job does. */
export function what(job) {
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
    case "check":
      return FINAL.has(job.state) || !total ? "Check" : `Check ${done} of ${count(total, "document")}`;
    default:
      return job.kind;
  }
}

/** Return the button for what may be done with a job, or null; *act* runs it and shows a failure. */
export function action(job, act) {
  if (!FINAL.has(job.state)) return button(job, "Cancel", "DELETE", `/api/jobs/${job.id}`, act);
  if (RETRYABLE.has(job.state) && ["query", "ingest"].includes(job.kind)) {
    return button(job, "Retry", "POST", `/api/jobs/${job.id}/retry`, act);
  }
  return null;
}

function button(job, words, method, path, act) {
  const made = make("button", { type: "button", className: "plain", "aria-label": `${words}: ${what(job)}` }, words);
  made.dataset.key = `${words} ${job.id}`;
  made.addEventListener("click", () => {
    made.disabled = true;
    // A running body stops at its next step: what was asked is said until then.
    if (words === "Cancel") made.textContent = "Stopping";
    act(() => call(method, path));
  });
  return made;
}
