// The rows of a table of jobs.

import { age, duration, make, redraw, STATE_WORDS } from "../shared/dom.js";
import { action, addressOf, what } from "./job_words.js";

/**
 * Draw *jobs* into the table's body. *open* is the id of the job that stands out, *act* runs what a
 * button asks for, and *link* returns where a job's name leads.
 */
export function drawRows(body, jobs, { open = null, act, link = addressOf }) {
  redraw(body, jobs.map((job) => row(job, { open, act, link })));
}

function row(job, { open, act, link }) {
  const words = STATE_WORDS[job.state] ?? job.state;
  const state = make("td", { className: "state", title: words });
  state.dataset.state = job.state;
  state.append(make("span", { className: "dot", "aria-hidden": "true" }), make("span", { className: "word" }, words));
  const name = make("a", { href: link(job), title: what(job) }, what(job));
  name.dataset.key = `open ${job.id}`;
  name.dataset.job = job.id;
  const line = make(
    "tr",
    {},
    state,
    make("td", { className: "what" }, name),
    make("td", { className: "wide" }, job.collection ?? ""),
    make("td", { className: "number" }, age(job.created_at)),
    make("td", { className: "number took" }, duration(job.timings_ms?.total)),
    make("td", {}, action(job, act)),
  );
  if (job.id === open) line.dataset.here = "";
  return line;
}
