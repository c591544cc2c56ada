// Adding documents: one open ingest, one request per file, then each file's own fate.

import { ApiProblem, at, call, inWords, parse } from "../shared/api.js";
import { bytes, count, duration, FINAL, find, make, say } from "../shared/dom.js";
import { chosen, dropped, ofFolder } from "./folders.js";

const AT_ONCE = 3;
const BUSY_TRIES = 20;
const POLL_MS = 700;
const NAMED = 5; // of what was left out
const LEFTOVER = "lock, temporary, backup or system file"; // the command says it so, too
const STAGE_WORDS = { parse: "reading", embed: "indexing" };
const OUTCOME_WORDS = {
  created: "added",
  updated: "updated",
  unchanged: "already there, unchanged",
  duplicate_of: "same text as another document",
  superseded: "replaced by a newer version",
  removed: "removed",
  empty: "holds no text",
};

let batch = null; // { id, lines: Map(document id → line), sending }

/**
 * Upload files into *collection* as one job and show what becomes of each.
 *
 * Each of *files* is { file, name } with the name of its document; *leftOut* names what is nobody's.
 */
export async function upload({ files, leftOut }, collection, { onJob, onEnd }) {
  const most = Number(document.body.dataset.maxFiles);
  say(find("upload-left-out"), leftOut.length ? `${count(leftOut.length, LEFTOVER)} left out: ${someOf(leftOut)}` : "");
  if (!files.length) return;
  if (files.length > most) throw new ApiProblem(`At most ${count(most, "file")} at a time; these are ${files.length}.`);
  const job = await call("POST", "/api/ingests", { collection, open: true, documents: [] });
  const mine = begin(job.id);
  // The server names a document after its file, in this form of Unicode.
  const lines = files.map(({ file, name }) => ({ file, name, line: addLine(mine, name.normalize("NFC")) }));
  mine.sending = true;
  onJob(job.id);
  const watching = watch(mine, onEnd);
  const waiting = [...lines];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await send(mine, next);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, files.length) }, worker));
  mine.sending = false;
  await call("POST", `/api/jobs/${job.id}/close`);
  await watching;
}

/** Show the documents of an ingest that was begun elsewhere or earlier. */
export async function showIngest(job, { onEnd }) {
  if (batch?.id === job.id) return; // as when its address is come back to
  const mine = begin(job.id);
  await watch(mine, onEnd);
}

function begin(id) {
  batch = { id, lines: new Map(), sending: false };
  find("upload-list").replaceChildren();
  say(find("upload-problem"));
  find("upload-status").textContent = "";
  return batch;
}

function addLine(mine, name) {
  const dot = make("span", { className: "dot", "aria-hidden": "true" });
  const words = make("span", {}, "waiting");
  const state = make("span", { className: "state" }, dot, words);
  const bar = make("progress", { max: 1, value: 0, "aria-label": `Upload of ${name}` });
  const why = make("span", { className: "why", hidden: true });
  const item = make("li", {}, make("span", { className: "name", title: name }, name), state, bar, why);
  const line = { state, words, bar, why, failed: false, double: mine.lines.has(name) };
  find("upload-list").append(item);
  if (!line.double) mine.lines.set(name, line);
  return line;
}

function tell(line, state, words, why = "") {
  line.state.dataset.state = state;
  line.words.textContent = words;
  say(line.why, why);
}

async function send(mine, { file, name, line }) {
  if (line.double) {
    reject(line, "Another of these files has the same name, and so would be the same document.");
    return;
  }
  const limit = Number(document.body.dataset.maxFileBytes);
  if (file.size > limit) {
    reject(line, `This file has ${bytes(file.size)}; a file may have ${bytes(limit)}.`);
    return;
  }
  tell(line, "running", "uploading");
  for (let tries = BUSY_TRIES; tries > 0; tries -= 1) {
    const { status, problem, retryAfter } = await post(`/api/jobs/${mine.id}/documents`, file, name, line.bar);
    if (status >= 200 && status < 300) {
      line.bar.hidden = true;
      tell(line, "queued", "waiting");
      return;
    }
    if (status !== 429) {
      reject(line, problem);
      return;
    }
    tell(line, "queued", "the server is busy, trying again");
    await new Promise((resolve) => setTimeout(resolve, Math.min(retryAfter || 1, 30) * 1000));
  }
  reject(line, "The server stayed busy. Try again later.");
}

/** Name a few, and say that there are more. */
const someOf = (names) =>
  names.slice(0, NAMED).join(", ") + (names.length > NAMED ? ` and ${names.length - NAMED} more` : "");

function reject(line, why) {
  line.failed = true;
  line.bar.hidden = true;
  tell(line, "failed", "not uploaded", why);
}

/** Send one file; fetch cannot say how much has gone out, XMLHttpRequest can. */
function post(path, file, name, bar) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("files", file, name);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = event.loaded / event.total;
    });
    request.addEventListener("load", () =>
      resolve({
        status: request.status,
        problem: inWords(parse(request.responseText), request.status),
        retryAfter: Number(request.getResponseHeader("Retry-After")),
      }),
    );
    request.addEventListener("error", () => resolve({ status: 0, problem: "The connection was lost." }));
    request.open("POST", at(path));
    request.send(body);
  });
}

/** Follow an ingest's rows until its job has ended. */
async function watch(mine, onEnd) {
  while (batch === mine) {
    try {
      const job = await call("GET", `/api/jobs/${mine.id}`);
      await drawRows(mine);
      if (batch !== mine) return;
      summarise(mine, job);
      if (FINAL.has(job.state)) {
        onEnd();
        return;
      }
    } catch (problem) {
      find("upload-status").textContent = problem.message;
      if ([404, 410].includes(problem.status)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function drawRows(mine) {
  let cursor = "";
  do {
    const page = await call("GET", `/api/jobs/${mine.id}/documents?limit=200${cursor}`);
    if (batch !== mine) return;
    for (const row of page.documents) drawRow(mine, row);
    cursor = page.next_cursor ? `&cursor=${encodeURIComponent(page.next_cursor)}` : "";
  } while (cursor);
}

function drawRow(mine, row) {
  const line = mine.lines.get(row.document_id) ?? addLine(mine, row.document_id);
  line.bar.hidden = true;
  if (row.state === "succeeded" || row.state === "partial") {
    line.empty = row.outcome === "empty";
    const words = OUTCOME_WORDS[row.outcome] ?? row.outcome ?? "done";
    // What the parser had to say is a remark, not a failure.
    tell(line, "succeeded", row.chunks ? `${words}, ${count(row.chunks, "passage")}` : words, row.note ?? "");
  } else if (FINAL.has(row.state)) {
    tell(line, "failed", row.state, row.error?.detail ?? row.error?.title ?? "");
  } else {
    tell(line, row.state, row.state === "running" ? (STAGE_WORDS[row.stage] ?? "working") : "waiting");
  }
}

function summarise(mine, job) {
  const refused = [...mine.lines.values()].filter((line) => line.failed).length;
  const { done = 0, total = 0, failed = 0, cancelled = 0 } = job.progress ?? {};
  const all = Math.max(total + refused, mine.lines.size);
  const bad = failed + refused;
  const empty = [...mine.lines.values()].filter((line) => line.empty).length;
  const without = empty ? `, ${empty} without text` : "";
  const wrong = bad ? `, ${bad} failed` : "";
  if (!FINAL.has(job.state)) {
    find("upload-status").textContent = `${done + refused} of ${count(all, "document")}${wrong}`;
  } else if (job.state === "cancelled") {
    find("upload-status").textContent = `Stopped after ${done - cancelled - failed} of ${count(all, "document")}.`;
  } else {
    const took = duration(job.timings_ms?.total);
    find("upload-status").textContent = `${count(all - bad - empty, "document")} ready${wrong}${without}${took ? `, in ${took}` : ""}.`;
  }
}

/** Let files be chosen or dropped; *take* gets them. */
export function prepareUploads(take) {
  const drop = find("drop");
  const most = Number(document.body.dataset.maxFiles);
  for (const [id, read] of [["files", chosen], ["folder", ofFolder]]) {
    const input = find(id);
    const takeChosen = () => {
      const files = [...input.files];
      input.value = "";
      take(read(files, most));
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
    dropped(event.dataTransfer, most).then(take);
  });
  // A job left open would wait for its deadline; closing it keeps what has arrived.
  window.addEventListener("pagehide", () => {
    if (batch?.sending) navigator.sendBeacon(at(`/api/jobs/${batch.id}/close`));
  });
}
