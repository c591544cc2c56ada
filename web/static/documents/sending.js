// Sending files to an open ingest: small ones some at a time, whatever the connection does.

import { at, call, inWords, parse } from "../shared/api.js";
import { bytes } from "../shared/dom.js";
import { drawSent, reject, tell } from "./upload_lines.js";

const AT_ONCE = 3;
const BUSY_TRIES = 20;
const TOGETHER = 25; // files of one request
const TOGETHER_BYTES = 500_000;

/** Send *files*, each { file, name, line }, to the ingest *id*; returns once all have been tried. */
export async function sendAll(id, files) {
  const waiting = groups(files.filter(isSendable));
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await send(id, next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Tell an ingest that no more comes. Else it would wait for its deadline: this is tried for a while. */
export async function close(id) {
  for (let tries = BUSY_TRIES; ; tries -= 1) {
    try {
      await call("POST", `/api/jobs/${id}/close`);
      return;
    } catch (problem) {
      const again = problem.status === 0 || problem.status === 429 || problem.status >= 500;
      if (!again || tries <= 1) throw problem;
    }
    await pause(2);
  }
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Refuse what cannot be taken, before it is sent. */
function isSendable({ file, line }) {
  const limit = Number(document.body.dataset.maxFileBytes);
  if (line.double) {
    reject(line, "Another of these files has the same name, and so would be the same document.");
  } else if (file.size > limit) {
    reject(line, `This file has ${bytes(file.size)}; a file may have ${bytes(limit)}.`);
  }
  return !line.refused;
}

/** Put small files that follow each other together. */
function groups(files) {
  const most = Math.min(TOGETHER, Number(document.body.dataset.maxFiles));
  const made = [];
  let size = 0;
  for (const one of files) {
    const last = made.at(-1);
    if (last && last.length < most && size + one.file.size <= TOGETHER_BYTES) last.push(one);
    else {
      made.push([one]);
      size = 0;
    }
    size += one.file.size;
  }
  return made;
}

async function send(id, group) {
  for (const { line } of group) tell(line, "running", "uploading");
  for (let tries = BUSY_TRIES; tries > 0; tries -= 1) {
    const { status, problem, retryAfter } = await post(`/api/jobs/${id}/documents`, group);
    for (const { line } of group) drawSent(line, "", null);
    if (status >= 200 && status < 300) {
      for (const { line } of group) tell(line, "queued", "waiting");
      return;
    }
    if (status !== 429) {
      const isTheirs = status >= 400 && status < 500;
      // One of them may be at fault: each is tried alone, and told what is wrong with it.
      if (isTheirs && group.length > 1) for (const one of group) await send(id, [one]);
      else for (const { line } of group) reject(line, problem, { again: !isTheirs });
      return;
    }
    for (const { line } of group) tell(line, "queued", "the server is busy, trying again");
    await pause(Math.min(retryAfter || 1, 30));
  }
  for (const { line } of group) reject(line, "The server stayed busy.", { again: true });
}

/** Send files; fetch cannot say how much has gone out, XMLHttpRequest can. */
function post(path, group) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    for (const { file, name } of group) body.append("files", file, name);
    request.upload.addEventListener("progress", ({ lengthComputable, loaded, total }) => {
      // Of small files nobody sees how far they are.
      if (lengthComputable && group.length === 1 && total > TOGETHER_BYTES) drawSent(group[0].line, group[0].name, loaded / total);
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
