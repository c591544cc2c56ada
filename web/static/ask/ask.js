// The view of questions: connects the question, its answer and the recent jobs.

import { finishedQuestion, leaveQuestion, showQuestion, stopQuestion } from "./answer.js";
import { keepLater, turnsAfter } from "./conversation.js";
import { showFields } from "./filter_fields.js";
import { written } from "./filter_words.js";
import { readFilters } from "./filters.js";
import { asMarkdown } from "./markdown.js";
import { ApiProblem, at, call } from "../shared/api.js";
import { remember } from "../shared/collection_memory.js";
import { choose, collection, prepareCollections, refreshCollections } from "../shared/collections.js";
import { find, say, tried } from "../shared/dom.js";
import { watchHealth } from "../shared/health_light.js";
import { addressOf } from "../jobs/job_words.js";
import { markJob, refreshJobs } from "./recent_jobs.js";
import { preparePassage } from "./passage.js";

/** Ask what is in the form, under its options. */
async function ask(event) {
  event.preventDefault();
  const question = find("question").value.trim();
  if (!question) return;
  say(find("ask-problem"));
  sayOfFilters();
  find("ask-button").disabled = true;
  try {
    const told = options();
    if (!told) return;
    await submit({ question, collection: collection(), history: [], ...told });
    find("question").value = "";
  } catch (problem) {
    if (/^filters\b/.test(problem.message)) sayOfFilters(problem.message);
    else say(find("ask-problem"), problem.message);
  } finally {
    find("ask-button").disabled = false;
  }
}

async function submit(request) {
  const job = await call("POST", "/api/queries", request);
  remember(request.collection);
  history.pushState({}, "", at(`/?job=${encodeURIComponent(job.id)}`));
  markJob(job.id);
  showQuestion({ ...job, collection: request.collection, request }, { onEnd: refreshJobs });
  return job;
}

/** Say what is wrong with the conditions, where they are written; nothing where all is well. */
function sayOfFilters(words = "") {
  say(find("filters-problem"), words);
  find("filters").setAttribute("aria-invalid", String(Boolean(words)));
  if (!words) return;
  find("options").open = true;
  find("filters").focus();
}

/** Return what the options say that differs from what is usual; null where they cannot be read. */
function options() {
  const told = {};
  try {
    const filters = readFilters(find("filters").value);
    if (filters) told.filters = filters;
  } catch (problem) {
    sayOfFilters(problem.message);
    return null;
  }
  if (find("priority").value !== "interactive") told.priority = find("priority").value;
  if (find("top-k").value !== "") told.top_k = Number(find("top-k").value);
  return told;
}

/** Show which conditions could be written, where they are looked at. */
const showConditions = () => find("options").open && showFields(collection());

/** Say on the closed options how many are set. */
function countOptions() {
  const set = [find("filters").value.trim(), find("top-k").value, find("priority").value === "batch"].filter(Boolean).length;
  find("options-set").textContent = set ? `: ${set} set` : "";
}

/** Ask on, of the same documents and with what was said so far. */
async function follow(event) {
  event.preventDefault();
  const question = find("follow-up").value.trim();
  const before = finishedQuestion();
  if (!question || !before) return;
  const { collection: name, filters = null, priority, top_k: topK } = before.request;
  say(find("follow-problem"));
  await tried("follow-problem", async () => {
    const job = await submit({ question, collection: name, history: turnsAfter(before), filters, priority, top_k: topK });
    keepLater(before.id, job.id, question);
    find("follow-up").value = "";
  });
}

/** Ask the question on the screen once more, as it was asked. */
async function again() {
  const { request } = finishedQuestion();
  const { question, collection: name, history: before, filters, priority, top_k: topK } = request;
  try {
    await submit({ question, collection: name, history: before ?? [], filters: filters ?? null, priority, top_k: topK });
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem;
    say(find("ask-problem"), problem.message);
  }
}

async function copy() {
  try {
    await navigator.clipboard.writeText(asMarkdown(finishedQuestion(), location.href));
    say(find("copied"), "Copied");
  } catch {
    say(find("copied"), "The browser does not allow it here: it copies on https and on this machine only.");
  }
}

/** Do something whose failure the health light already shows. */
async function quietly(act) {
  try {
    await act();
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem;
  }
}

/** Open the job that the address names. */
async function openAddressed() {
  const id = new URL(location.href).searchParams.get("job");
  leaveQuestion();
  say(find("ask-problem"));
  if (!id) {
    markJob(null);
    return;
  }
  try {
    const job = await call("GET", `/api/jobs/${encodeURIComponent(id)}?html=true`);
    if (job.collection) choose(job.collection, { keep: false });
    markJob(job.id);
    if (job.kind === "query") {
      showQuestion(job, { onEnd: refreshJobs });
    } else if (job.kind === "ingest") {
      location.replace(addressOf(job));
    }
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem;
    say(find("ask-problem"), problem.message);
  }
}

/** Ask of those documents alone that the address names. */
function restrictToNamed() {
  const ids = new URL(location.href).searchParams.getAll("only");
  if (!ids.length) return;
  find("filters").value = `document_id=${ids.map(written).join(",")}`;
  find("options").open = true;
  countOptions();
}

find("ask").addEventListener("submit", ask);
find("follow").addEventListener("submit", follow);
for (const id of ["question", "follow-up"]) {
  find(id).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  });
}
find("stop").addEventListener("click", stopQuestion);
find("ask-again").addEventListener("click", again);
find("copy").addEventListener("click", copy);
find("options").addEventListener("input", countOptions);
find("options").addEventListener("toggle", showConditions);
window.addEventListener("popstate", openAddressed);
document.addEventListener("visibilitychange", () => document.hidden || refreshJobs());
find("ask-button").disabled = false; // before, the browser itself would send the form
preparePassage();
prepareCollections(showConditions);
watchHealth();
quietly(refreshCollections);
restrictToNamed();
openAddressed();
