// The rows of a table of jobs: a row is made anew only where its job has changed.

import { age, duration, make, STATE_WORDS } from "../shared/dom.js";
import { action, addressOf, isSettling, ranMs, standing, waitedMs, what } from "./job_words.js";

const drawn = new WeakMap(); // body → Map of id → { line, told, job, cells }

/**
 * Draw *jobs* into the table's body.
 *
 * *open* is the id of the job that stands out, and *link* returns where a job's name leads; *problem*
 * and *done* are as for `action`. Returns whether it was drawn: not while something is
 * pressed, nor below the pointer that has just pressed Retry.
 */
export function drawRows(body, jobs, { open = null, link = addressOf, problem, done }) {
  // A click ends on what it began on, or nowhere: what is pressed stays until the next time.
  if (body.matches(":active") || (isSettling() && body.matches(":hover"))) return false;
  const before = drawn.get(body) ?? new Map();
  const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const now = new Map(jobs.map((job) => [job.id, kept(before.get(job.id), job, { open, link, problem, done })]));
  drawn.set(body, now);
  for (const [id, { line }] of before) if (now.get(id)?.line !== line) line.remove();
  let next = body.firstElementChild;
  for (const entry of now.values()) {
    if (entry.line === next) next = next.nextElementSibling;
    else body.insertBefore(entry.line, next);
  }
  tick(body);
  if (focused && !body.contains(document.activeElement)) {
    body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
  return true;
}

/** Write the times of the rows anew, which go on without news. */
export function tick(body) {
  for (const { job, cells } of drawn.get(body)?.values() ?? []) {
    write(cells.age, age(job.created_at));
    write(cells.waited, duration(waitedMs(job)));
    write(cells.ran, duration(ranMs(job)));
  }
}

const write = (cell, text) => cell.textContent === text || (cell.textContent = text);

/** Return the row as it was drawn before where it says the same, else a new one. */
function kept(before, job, options) {
  const told = JSON.stringify([job, job.id === options.open, options.link(job)]);
  if (before?.told === told) return before;
  return { ...row(job, options), told, job };
}

// Rows are grids, so that those out of sight cost nothing; without the roles they would be no table.
function row(job, { open, link, problem, done }) {
  const words = STATE_WORDS[job.state] ?? job.state;
  const state = cell("state", make("span", { className: "dot", "aria-hidden": "true" }), make("span", { className: "word" }, words));
  state.title = words;
  state.dataset.state = job.state;
  const name = make("a", { href: link(job), title: what(job) }, what(job));
  name.dataset.key = `open ${job.id}`;
  name.dataset.job = job.id;
  const note = standing(job);
  const cells = { age: cell("number age"), waited: cell("number waited"), ran: cell("number took") };
  const line = make(
    "tr",
    { role: "row" },
    state,
    cell("what", name, note ? make("span", { className: "note" }, note) : null),
    cell("wide", job.collection ?? ""),
    cells.age,
    cells.waited,
    cells.ran,
    cell("act", action(job, { problem, done })),
  );
  if (job.id === open) line.dataset.here = "";
  return { line, cells };
}

const cell = (className, ...children) => make("td", { className, role: "cell" }, ...children);
