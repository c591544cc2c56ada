// The view of jobs: filters, the list, which is read again while it is looked at, and one job.

import { at, call } from "../shared/api.js";
import { FINAL, find, make, say, STATE_WORDS, tried } from "../shared/dom.js";
import { watchHealth } from "../shared/health_light.js";
import { closeJob, openJob, prepareJob } from "./job_panel.js";
import { drawRows } from "./job_rows.js";

const PAGE = 50;
const RUNNING = 10; // below the first page, read again one by one
const BUSY_MS = 1500;
const CALM_MS = 10_000;
const FILTERS = ["state", "kind", "collection"];
const KIND_WORDS = {
  query: "questions",
  ingest: "documents added",
  delete: "documents deleted",
  delete_collection: "collections deleted",
  reindex: "reindexes",
  check: "checks",
};

let jobs = []; // newest first
let next = null; // where the list goes on below them
let opened = null;
let timer = 0;
let turn = 0; // a slow answer to an earlier filter is not shown

function wanted() {
  const asked = new URLSearchParams();
  for (const name of FILTERS) if (find(name).value) asked.set(name, find(name).value);
  return asked;
}

const addressWith = (id) => {
  const told = wanted();
  if (id !== null) told.set("job", id);
  return at(`/jobs${told.size ? `?${told}` : ""}`);
};

async function page(cursor) {
  const asked = wanted();
  asked.set("limit", PAGE);
  if (cursor) asked.set("cursor", cursor);
  return call("GET", `/api/jobs?${asked}`);
}

/** Read the newest jobs again, and those shown below them that still run. */
async function read() {
  clearTimeout(timer);
  const mine = turn;
  if (!document.hidden) {
    try {
      const told = await page("");
      const fresh = new Set(told.jobs.map((job) => job.id));
      const below = told.next_cursor ? jobs.filter((job) => !fresh.has(job.id) && job.created_at <= told.jobs.at(-1).created_at) : [];
      const running = below.filter((job) => !FINAL.has(job.state)).slice(0, RUNNING);
      const now = new Map(await Promise.all(running.map(async ({ id }) => [id, await again(id)])));
      if (turn !== mine) return;
      if (!below.length) next = told.next_cursor;
      jobs = [...told.jobs, ...below.map((job) => (now.has(job.id) ? now.get(job.id) : job)).filter(Boolean)];
      draw();
      say(find("jobs-problem"));
    } catch (problem) {
      say(find("jobs-problem"), problem.message);
    }
  }
  clearTimeout(timer);
  timer = setTimeout(read, jobs.some((job) => !FINAL.has(job.state)) ? BUSY_MS : CALM_MS);
}

/** Read a job again; null for one that was forgotten meanwhile. */
async function again(id) {
  try {
    return await call("GET", `/api/jobs/${id}`);
  } catch (problem) {
    if ([404, 410].includes(problem.status)) return null;
    throw problem;
  }
}

/** Read the page below those that are shown. */
async function readMore() {
  const mine = turn;
  find("more").disabled = true;
  try {
    const told = await page(next);
    if (turn !== mine) return;
    const known = new Set(jobs.map((job) => job.id));
    jobs = [...jobs, ...told.jobs.filter((job) => !known.has(job.id))];
    next = told.next_cursor;
    draw();
  } catch (problem) {
    say(find("jobs-problem"), problem.message);
  } finally {
    find("more").disabled = false;
  }
}

function draw() {
  find("jobs").hidden = !jobs.length;
  // A page may be empty and not be the last, where what is looked for is rare.
  find("jobs-empty").hidden = jobs.length > 0 || next !== null;
  find("more").hidden = next === null;
  drawRows(find("jobs").tBodies[0], jobs, { open: opened, act, link: (job) => addressWith(job.id) });
}

async function act(asked) {
  if (await tried("jobs-problem", asked)) read();
}

/** Forget what was read under other filters. */
function forget() {
  turn += 1;
  jobs = [];
  next = null;
}

function filter() {
  forget();
  history.replaceState({}, "", addressWith(opened));
  read();
}

function open(id) {
  opened = id;
  history.pushState({}, "", addressWith(id));
  draw();
  openJob(id, { focus: true });
}

function close() {
  if (opened === null) return;
  opened = null;
  history.replaceState({}, "", addressWith(null));
  draw();
  closeJob();
}

/** Fill in the filters that the address names, and open its job. */
function openAddressed() {
  const told = new URL(location.href).searchParams;
  for (const name of FILTERS) {
    const value = told.get(name) ?? "";
    if (value && ![...find(name).options].some((one) => one.value === value)) find(name).append(make("option", { value }, value));
    find(name).value = value;
  }
  opened = told.get("job");
  forget();
  read();
  if (opened === null) closeJob();
  else openJob(opened, { focus: false });
}

async function nameCollections() {
  const { collections } = await call("GET", "/api/collections");
  const select = find("collection");
  const known = new Set([...select.options].map((one) => one.value));
  select.append(...collections.filter(({ name }) => !known.has(name)).map(({ name }) => make("option", { value: name }, name)));
}

find("state").append(...Object.entries(STATE_WORDS).map(([value, words]) => make("option", { value }, words)));
find("kind").append(...Object.entries(KIND_WORDS).map(([value, words]) => make("option", { value }, words)));
for (const name of FILTERS) find(name).addEventListener("change", filter);
find("finder").addEventListener("submit", (event) => event.preventDefault());
find("more").addEventListener("click", readMore);
find("jobs").addEventListener("click", (event) => {
  const link = event.target.closest("a[data-job]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link.dataset.job);
});
window.addEventListener("popstate", openAddressed);
document.addEventListener("visibilitychange", () => document.hidden || read());
prepareJob({ onClose: close, onChange: read });
watchHealth();
openAddressed();
tried("jobs-problem", nameCollections);
