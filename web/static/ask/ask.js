// The view of questions: connects the question, its answer and the recent jobs.

import { leaveQuestion, showQuestion, stopQuestion } from "./answer.js";
import { ApiProblem, at, call } from "../shared/api.js";
import { choose, collection, prepareCollections, refreshCollections } from "../shared/collections.js";
import { find, say } from "../shared/dom.js";
import { watchHealth } from "../shared/health_light.js";
import { addressOf } from "../jobs/job_words.js";
import { markJob, refreshJobs } from "./recent_jobs.js";
import { preparePassage } from "./passage.js";

async function ask(event) {
  event.preventDefault();
  const question = find("question").value.trim();
  if (!question) return;
  say(find("ask-problem"));
  find("ask-button").disabled = true;
  try {
    const job = await call("POST", "/api/queries", { question, collection: collection() });
    history.pushState({}, "", at(`/?job=${encodeURIComponent(job.id)}`));
    markJob(job.id);
    find("question").value = "";
    showQuestion({ ...job, collection: collection(), request: { question } }, { onEnd: refreshJobs });
  } catch (problem) {
    say(find("ask-problem"), problem.message);
  } finally {
    find("ask-button").disabled = false;
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
    const job = await call("GET", `/api/jobs/${encodeURIComponent(id)}`);
    if (job.collection) choose(job.collection);
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

find("ask").addEventListener("submit", ask);
find("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    find("ask").requestSubmit();
  }
});
find("stop").addEventListener("click", stopQuestion);
window.addEventListener("popstate", openAddressed);
document.addEventListener("visibilitychange", () => document.hidden || refreshJobs());
preparePassage();
prepareCollections();
watchHealth();
quietly(refreshCollections);
openAddressed();
