// Adding documents: one open ingest, small files some to a request, then each file's own fate.

import { ApiProblem, at, call } from "../shared/api.js";
import { count, duration, FINAL, find, say } from "../shared/dom.js";
import { chosen, dropped, ofFolder } from "./folders.js";
import { close, sendAll } from "./sending.js";
import { addLine, clearLines, drawRow } from "./upload_lines.js";

const MOST = 20_000; // files at a time
const MOST_SHOWN = 5_000; // rows of an ingest that was begun elsewhere
const PAGE = 200;
const POLL_MS = 700;
const NAMED = 5; // of what was left out
const LEFTOVER = "lock, temporary, backup or system file"; // the command says it so, too

let batch = null; // { id, lines: Map(document id → line), files, sending, from, of }

/**
 * Upload files into *collection* as one job and show what becomes of each.
 *
 * Each of *files* is { file, name } with the name of its document; *leftOut* names what is nobody's.
 */
export async function upload({ files, leftOut }, collection, told) {
  say(find("upload-left-out"), leftOut.length ? `${count(leftOut.length, LEFTOVER)} left out: ${someOf(leftOut)}` : "");
  if (!files.length) return;
  if (files.length > MOST) throw new ApiProblem(`At most ${count(MOST, "file")} at a time; these are ${count(files.length, "file")}.`);
  const job = await call("POST", "/api/ingests", { collection, open: true, documents: [] });
  const mine = begin(job.id, { collection, told });
  // The server names a document after its file, in this form of Unicode.
  mine.files = files.map(({ file, name }) => ({ file, name, line: addLine(mine.lines, name.normalize("NFC")) }));
  mine.sending = true;
  told.onJob(job.id);
  const watching = watch(mine);
  await sendAll(job.id, mine.files);
  mine.sending = false;
  await close(job.id);
  await watching;
}

/** Show the documents of an ingest that was begun elsewhere or earlier. */
export async function showIngest(job, told) {
  if (batch?.id === job.id) return; // as when its address is come back to
  await watch(begin(job.id, { collection: job.collection, told }));
}

function begin(id, of) {
  batch = { id, lines: new Map(), files: [], sending: false, from: "", of };
  clearLines();
  say(find("upload-problem"));
  find("upload-status").textContent = "";
  find("upload-again").hidden = true;
  find("retry-failed").hidden = true;
  find("ask-these").hidden = true;
  return batch;
}

/** Name a few, and say that there are more. */
const someOf = (names) =>
  names.slice(0, NAMED).join(", ") + (names.length > NAMED ? ` and ${names.length - NAMED} more` : "");

/** Follow an ingest's rows until its job has ended. */
async function watch(mine) {
  while (batch === mine) {
    try {
      const job = await call("GET", `/api/jobs/${mine.id}`);
      await drawRows(mine, { all: FINAL.has(job.state) });
      if (batch !== mine) return;
      summarise(mine, job);
      if (FINAL.has(job.state)) {
        offerAgain(mine, job);
        mine.of.told.onEnd();
        return;
      }
    } catch (problem) {
      if (batch === mine) find("upload-status").textContent = problem.message;
      if ([404, 410].includes(problem.status)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * Read the rows that may have changed: from the first page with one that has not ended, to the first
 * in which none has begun, or to the last with *all*.
 */
async function drawRows(mine, { all }) {
  let cursor = mine.from;
  for (;;) {
    const after = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const page = await call("GET", `/api/jobs/${mine.id}/documents?limit=${PAGE}${after}`);
    if (batch !== mine) return;
    for (const row of page.documents) drawRow(mine.lines, row);
    const next = page.next_cursor ?? "";
    const isForeign = !mine.files.length;
    if (!next || (isForeign && mine.lines.size >= MOST_SHOWN)) return;
    if (cursor === mine.from && page.documents.every((row) => FINAL.has(row.state))) mine.from = next;
    if (!all && page.documents.every((row) => row.state === "queued")) return;
    cursor = next;
  }
}

function summarise(mine, job) {
  const lines = [...mine.lines.values()];
  const refused = mine.files.filter(({ line }) => line.refused && !line.double).length;
  const { done = 0, total = 0, failed = 0, cancelled = 0 } = job.progress ?? {};
  const all = Math.max(total + refused, mine.lines.size);
  const bad = failed + refused;
  const empty = lines.filter((line) => line.empty).length;
  const without = empty ? `, ${empty} without text` : "";
  const wrong = bad ? `, ${bad} failed` : "";
  const part = total > lines.length ? ` The first ${lines.length.toLocaleString("en")} are shown.` : "";
  if (!FINAL.has(job.state)) {
    find("upload-status").textContent = `${(done + refused).toLocaleString("en")} of ${count(all, "document")}${wrong}${part}`;
  } else if (job.state === "cancelled") {
    find("upload-status").textContent = `Stopped after ${done - cancelled - failed} of ${count(all, "document")}.${part}`;
  } else {
    const took = duration(job.timings_ms?.total);
    find("upload-status").textContent = `${count(all - bad - empty, "document")} ready${wrong}${without}${took ? `, in ${took}` : ""}.${part}`;
  }
}

/** Offer to ask what was added, to send what was not taken once more, and to retry what failed. */
function offerAgain(mine, job) {
  const unsent = mine.files.filter(({ line }) => line.again);
  const { failed = 0, cancelled = 0 } = job.progress ?? {};
  find("upload-again").hidden = !unsent.length;
  find("upload-again").textContent = `Upload ${count(unsent.length, "file")} again`;
  // All of them may be files that would fail again.
  const hopeless = [...mine.lines.values()].filter((line) => line.hopeless).length;
  find("retry-failed").hidden = failed + cancelled <= hopeless;
  find("retry-failed").textContent = `Retry ${count(failed + cancelled, "failed document")}`;
  find("ask-these").hidden = ![...mine.lines.values()].some((line) => line.added);
  find("ask-these").href = at(`/?${new URLSearchParams({ collection: mine.of.collection ?? "default" })}`);
}

/** Let files be chosen or dropped; *take* gets them. What failed is tried again, in *tried*. */
export function prepareUploads(take, tried) {
  const drop = find("drop");
  for (const [id, read] of [["files", chosen], ["folder", ofFolder]]) {
    const input = find(id);
    const takeChosen = () => {
      const files = [...input.files];
      input.value = "";
      take(read(files, MOST));
    };
    input.addEventListener("change", takeChosen);
    if (input.files.length) takeChosen(); // chosen before this script was there
  }
  drop.addEventListener("click", (event) => event.target.closest("label, input") || find("files").click());
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.dataset.over = "";
    });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => delete drop.dataset.over);
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    dropped(event.dataTransfer, MOST).then(take);
  });
  // Pressed twice, a button would do it twice; it comes back where it did not succeed.
  const offer = (button, act) =>
    button.addEventListener("click", async () => {
      button.hidden = true;
      if (!(await tried(act))) button.hidden = false;
    });
  offer(find("upload-again"), () => {
    const unsent = batch.files.filter(({ line }) => line.again);
    return upload({ files: unsent, leftOut: [] }, batch.of.collection, batch.of.told);
  });
  offer(find("retry-failed"), async () => {
    const { id, of } = batch;
    const job = await call("POST", `/api/jobs/${encodeURIComponent(id)}/retry`);
    of.told.onJob(job.id);
    await showIngest(job, of.told);
  });
  // A job left open would wait for its deadline; closing it keeps what has arrived.
  window.addEventListener("pagehide", () => {
    if (batch?.sending) navigator.sendBeacon(at(`/api/jobs/${batch.id}/close`));
  });
}
