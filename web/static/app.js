// The page: connects the question, the uploads, the jobs and the health light.

import { leaveQuestion, showQuestion, stopQuestion } from "./answer.js";
import { ApiProblem, at, call } from "./api.js";
import { choose, collection, prepareCollections, refreshCollections } from "./collections.js";
import { find, say } from "./dom.js";
import { markJob, refreshJobs } from "./jobs.js";
import { preparePassage } from "./passage.js";
import { prepareUploads, showIngest, upload } from "./uploads.js";

const HEALTH_MS = 15_000;
const HEALTH_WORDS = { pass: "All well", warn: "Something needs a look", fail: "Not well" };

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

async function addFiles(files) {
  say(find("upload-problem"));
  try {
    await upload(files, collection(), { onJob: markJob, onEnd: refreshAll });
  } catch (problem) {
    say(find("upload-problem"), problem.message);
  }
}

async function refreshAll() {
  await Promise.all([refreshJobs(), quietly(refreshCollections)]);
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
      find("documents-heading").scrollIntoView();
      await showIngest(job, { onEnd: refreshAll });
    }
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem;
    say(find("ask-problem"), problem.message);
  }
}

async function checkHealth() {
  if (!document.hidden) {
    let status = "fail";
    let words = "Not reachable";
    try {
      // A failing system answers 503 with the same body, so the status code says nothing here.
      const seen = await (await fetch(at("/health"), { headers: { Accept: "application/json" } })).json();
      status = seen.status;
      words = seen.output === "starting" ? "Starting" : (HEALTH_WORDS[status] ?? status);
    } catch (problem) {
      if (!(problem instanceof TypeError) && !(problem instanceof SyntaxError)) throw problem;
    }
    find("health").dataset.status = status;
    find("health-text").textContent = words;
  }
  setTimeout(checkHealth, HEALTH_MS);
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
prepareUploads(addFiles);
checkHealth();
quietly(refreshCollections);
openAddressed();
