// The panel of one job beside the list.

import { ApiProblem, call } from "../shared/api.js";
import { FINAL, find, make, onEscape, redraw } from "../shared/dom.js";
import { drawJob, failedRows, nameJob } from "./job_view.js";
import { pathOf, what } from "./job_words.js";

const BUSY_MS = 1000;

let shown = null; // { id }
let changed = () => {};
let timer = 0;

/** Open the panel on a job; it is read again until the job has ended. With *focus* that moves to it. */
export async function openJob(id, { focus }) {
  clearTimeout(timer);
  const mine = { id };
  shown = mine;
  nameJob("", id);
  find("job-body").replaceChildren();
  find("job").hidden = false;
  if (focus) find("job-title").focus({ preventScroll: true });
  await follow(mine);
}

/** Close the panel and give the focus to the job in the list. */
export function closeJob() {
  if (!shown) return;
  clearTimeout(timer);
  find("job").hidden = true;
  document.querySelector(`[data-key="${CSS.escape(`open ${shown.id}`)}"]`)?.focus({ preventScroll: true });
  shown = null;
}

/** *onClose* is told where the panel is closed, *onChange* where the job was cancelled or retried. */
export function prepareJob({ onClose, onChange }) {
  changed = onChange;
  find("job-close").addEventListener("click", onClose);
  onEscape(onClose);
}

async function follow(mine) {
  clearTimeout(timer);
  try {
    const job = await call("GET", `/api/jobs/${encodeURIComponent(mine.id)}`);
    const rows = await failedRows(job);
    if (shown !== mine) return;
    draw(job, rows);
    if (!FINAL.has(job.state)) later(mine);
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem;
    if (shown !== mine) return;
    find("job-body").replaceChildren(make("p", { className: "problem", role: "alert" }, problem.message));
    if (![404, 410].includes(problem.status)) later(mine);
  }
}

/** Read a job again after a while. */
function later(mine) {
  clearTimeout(timer);
  timer = setTimeout(() => shown === mine && (document.hidden ? later(mine) : follow(mine)), BUSY_MS);
}

function draw(job, rows) {
  find("job-title").textContent = what(job);
  const own = make("a", { href: pathOf(job.id) }, "All of it");
  redraw(find("job-body"), drawJob(job, rows, { problem: "jobs-problem", done, more: [own] }));
}

function done() {
  changed();
  if (shown) follow(shown);
}
