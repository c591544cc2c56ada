// The panel of one job: where its time went, how far it is, why it failed.

import { ApiProblem, at, call } from "../shared/api.js";
import { age, count, duration, FINAL, find, make, onEscape, redraw, STATE_WORDS, terms } from "../shared/dom.js";
import { action, addressOf, what } from "./job_words.js";

const BUSY_MS = 1000;
const FAILED = 50; // rows that are listed with their reasons
const TIMES = [
  ["queued", "waited"],
  ["embed", "understood the question"],
  ["retrieve", "searched"],
  ["generate", "answered"],
];

let shown = null; // { id }
let changed = () => {};
let timer = 0;

/** Open the panel on a job; it is read again until the job has ended. With *focus* that moves to it. */
export async function openJob(id, { focus }) {
  clearTimeout(timer);
  const mine = { id };
  shown = mine;
  find("job-title").textContent = "";
  find("job-where").textContent = id;
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
    const rows = job.progress?.failed && ["ingest", "delete"].includes(job.kind) ? await failedRows(job) : [];
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
  timer = setTimeout(() => shown === mine && follow(mine), BUSY_MS);
}

async function failedRows(job) {
  const { documents } = await call("GET", `/api/jobs/${job.id}/documents?state=failed&limit=${FAILED}`);
  return documents;
}

function draw(job, rows) {
  find("job-title").textContent = what(job);
  redraw(
    find("job-body"),
    [standing(job), place(job), problemOf(job), ...timeline(job), ...progressOf(job), facts(job), ...failures(job, rows), actions(job)].filter(Boolean),
  );
}

function standing(job) {
  const line = make("p", { className: "stage", role: "status" }, make("span", { className: "dot", "aria-hidden": "true" }), STATE_WORDS[job.state] ?? job.state);
  line.dataset.state = job.state;
  return line;
}

function place(job) {
  const { position, eta_s: eta } = job.queue ?? {};
  if (!position) return null;
  return make("p", { className: "quiet" }, `Number ${position} in the queue${eta ? `, about ${duration(eta * 1000)} to go` : ""}.`);
}

function problemOf(job) {
  if (!job.error) return null;
  return make("p", { className: "notice", "data-kind": "bad" }, [job.error.title, job.error.detail].filter(Boolean).join(": "));
}

/** Draw where the time went: a bar with a piece for each stage, and the same in words. */
function timeline(job) {
  const timings = job.timings_ms ?? {};
  const pieces = TIMES.filter(([name]) => timings[name] > 0).map(([name, words]) => ({ name, words, ms: timings[name] }));
  if (!pieces.length) return [];
  const known = pieces.reduce((sum, piece) => sum + piece.ms, 0);
  const rest = (timings.total ?? 0) - known;
  if (rest > known / 50) pieces.push({ name: "rest", words: job.kind === "query" ? "between the stages" : "worked", ms: rest });
  const bar = make("div", { className: "timeline", "aria-hidden": "true" });
  for (const { name, ms } of pieces) {
    const piece = make("span", {});
    piece.dataset.part = name;
    piece.style.flexGrow = ms;
    bar.append(piece);
  }
  const words = make("ul", { className: "legend", "aria-label": "Where the time went" });
  for (const { name, words: told, ms } of pieces) {
    const item = make("li", {}, make("span", { className: "swatch", "aria-hidden": "true" }), `${told} ${duration(ms)}`);
    item.dataset.part = name;
    words.append(item);
  }
  return [bar, words];
}

function progressOf(job) {
  const { done = 0, total = 0, unit = "documents" } = job.progress ?? {};
  if (!total) return [];
  const bar = make("progress", { max: total, value: done, "aria-label": "Progress" });
  return [make("p", { className: "quiet" }, `${done.toLocaleString("en")} of ${total.toLocaleString("en")} ${unit}`), bar];
}

function facts(job) {
  const told = [
    ["Kind", job.kind],
    ["Collection", job.collection],
    ["Asked", `${age(job.created_at)} ago`],
    ["Took", duration(job.timings_ms?.total)],
    ["Attempts", job.attempts > 1 ? String(job.attempts) : ""],
    ["Retry of", job.retry_of],
  ];
  return make("dl", { className: "about" }, ...terms(told));
}

function failures(job, rows) {
  if (!rows.length) return [];
  const items = rows.map((row) =>
    make("li", {}, make("span", { className: "name" }, row.document_id), make("span", { className: "why" }, row.error?.detail ?? row.error?.title ?? row.state)),
  );
  const { failed } = job.progress;
  const more = failed > rows.length ? [make("p", { className: "quiet" }, `and ${count(failed - rows.length, "more", "more")}`)] : [];
  return [make("h3", {}, `${count(failed, "document")} failed`), make("ul", { className: "failures" }, ...items), ...more];
}

function actions(job) {
  const line = make("p", { className: "row" });
  const act = async (asked) => {
    try {
      const told = await asked();
      changed();
      if (told?.id && told.id !== job.id) location.assign(at(`/jobs?${new URLSearchParams({ job: told.id })}`));
      else if (shown) await follow(shown);
    } catch (problem) {
      find("job-body").prepend(make("p", { className: "problem", role: "alert" }, problem.message));
    }
  };
  const words = { query: "Open the answer", ingest: "Open the documents" }[job.kind];
  if (words) line.append(make("a", { href: addressOf(job) }, words));
  const button = action(job, act);
  if (button) line.append(button);
  return line.children.length ? line : null;
}
