// The view of jobs: filters, the list, which is read again while it is looked at, and one job.

import { at, call } from "../shared/api.js";
import { FINAL, find, make, say, STATE_WORDS, tried } from "../shared/dom.js";
import { watchHealth } from "../shared/health_light.js";
import { PagedList } from "../shared/paged_list.js";
import { PagedTable } from "../shared/paged_table.js";
import { closeJob, openJob, prepareJob } from "./job_panel.js";
import { drawRows, tick } from "./job_rows.js";
import { GIVEN_UP_WORDS, KIND_WORDS } from "./job_words.js";

const PAGE = 50;
const BUSY_MS = 1500;
const CALM_MS = 10_000;
const BEAT_MS = 500;
const FILTERS = ["state", "kind", "collection"];
const GIVEN_UP = "given_up"; // no state, and chosen among them

const list = new PagedList({
  read: readPage,
  page: PAGE,
  isOlder: (job, other) => job.created_at <= other.created_at,
});
const table = new PagedTable("jobs", list, (body, jobs) =>
  drawRows(body, jobs, { open: opened, link: (job) => addressWith(job.id), problem: "jobs-problem", done: changed }),
);
let opened = null;
let readAt = Infinity; // when the last look ended; none is under way

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

async function readPage(cursor) {
  const asked = wanted();
  if (asked.get("state") === GIVEN_UP) {
    asked.delete("state");
    asked.set("given_up", "true");
  }
  asked.set("limit", PAGE);
  if (cursor) asked.set("cursor", cursor);
  const { jobs, next_cursor: next } = await call("GET", `/api/jobs?${asked}`);
  return { entries: jobs, next };
}

/** Read the newest jobs again, and the pages in sight below them of which something still runs. */
async function read() {
  const turn = list.turn;
  readAt = Infinity;
  try {
    const seen = table.inSight;
    // Who reads further down is not pushed about by what is new.
    if (!list.isRead || seen.includes(list.pages[0])) await list.readFirst();
    await readAgain(seen.filter(isBusy));
    if (list.turn !== turn) return;
    table.draw();
    say(find("jobs-problem"));
  } catch (problem) {
    if (list.turn !== turn) return;
    say(find("jobs-problem"), problem.message);
  }
  readAt = performance.now();
}

/** Let the times go on, and read anew when that is due: often while something in sight runs. */
function beat() {
  if (document.hidden) return;
  const seen = table.inSight;
  for (const page of seen) tick(table.bodyOf(page));
  if (performance.now() - readAt >= (seen.some(isBusy) ? BUSY_MS : CALM_MS)) read();
}

const isBusy = (page) => page.entries.some((job) => !FINAL.has(job.state));
const readAgain = (pages) => Promise.all(pages.filter((page) => page.cursor).map((page) => list.readAgain(page)));

/** Read anew what a button has changed, wherever it is. */
async function changed() {
  await tried("jobs-problem", () => readAgain(table.inSight));
  await read();
}

function filter() {
  list.reset();
  say(find("given-up"), find("state").value === GIVEN_UP ? GIVEN_UP_WORDS : "");
  history.replaceState({}, "", addressWith(opened));
  read();
}

function open(id) {
  mark(id);
  history.pushState({}, "", addressWith(id));
  openJob(id, { focus: true });
}

function close() {
  if (opened === null) return;
  mark(null);
  history.replaceState({}, "", addressWith(null));
  closeJob();
}

/** Let the row of the job that is open stand out, none for null. */
function mark(id) {
  const rows = [opened, id];
  opened = id;
  table.draw({ anew: (job) => rows.includes(job.id) });
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
  filter();
  if (opened === null) closeJob();
  else openJob(opened, { focus: false });
}

async function nameCollections() {
  const { collections } = await call("GET", "/api/collections");
  const select = find("collection");
  const known = new Set([...select.options].map((one) => one.value));
  select.append(...collections.filter(({ name }) => !known.has(name)).map(({ name }) => make("option", { value: name }, name)));
}

// A job of which some failed is no failed one.
const CHOICES = { ...STATE_WORDS, partial: "partly done: some failed", failed: "failed as a whole", [GIVEN_UP]: "given up on" };
find("state").append(...Object.entries(CHOICES).map(([value, words]) => make("option", { value }, words)));
find("kind").append(...Object.entries(KIND_WORDS).map(([value, words]) => make("option", { value }, words)));
for (const name of FILTERS) find(name).addEventListener("change", filter);
find("finder").addEventListener("submit", (event) => event.preventDefault());
find("jobs").addEventListener("click", (event) => {
  const link = event.target.closest("a[data-job]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link.dataset.job);
});
window.addEventListener("popstate", openAddressed);
document.addEventListener("visibilitychange", () => document.hidden || read());
setInterval(beat, BEAT_MS);
prepareJob({ onClose: close, onChange: changed });
watchHealth();
openAddressed();
tried("jobs-problem", nameCollections);
