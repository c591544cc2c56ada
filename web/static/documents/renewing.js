// The document in the panel made anew: read again from its kept bytes, or replaced by a file.

import { call, documentPath } from "../shared/api.js";
import { bytes, FINAL, find } from "../shared/dom.js";
import { sayOfDocument } from "./document_panel.js";

const PATIENCE_MS = 60_000;

/** Wait until a job has ended; return its state. */
export async function ended(job) {
  const end = Date.now() + PATIENCE_MS;
  let now = job;
  while (!FINAL.has(now.state) && Date.now() < end) now = await call("GET", `/api/jobs/${job.id}?wait=10`);
  return now.state;
}

/** Let the buttons work: *shown* returns { collection, id } of the document in the panel, *onNew* shows it anew. */
export function prepareRenewing(shown, onNew) {
  find("document-reingest").addEventListener("click", () =>
    renew(shown, onNew, "Reading it again", "read again", ({ path }) => call("POST", `${path}/reingest`)),
  );
  const chosen = find("replacement");
  find("document-replace").addEventListener("click", () => {
    chosen.accept = suffixOf(shown().id);
    chosen.click();
  });
  chosen.addEventListener("change", () => {
    const [file] = chosen.files;
    chosen.value = "";
    if (file) renew(shown, onNew, "Replacing it", "replaced", (one) => replace(one, file));
  });
}

/** Do *act* with the document that is shown, and say in the panel what became of it. */
async function renew(shown, onNew, doing, done, act) {
  const { collection, id } = shown();
  const isShown = () => shown().id === id && shown().collection === collection;
  try {
    sayOfDocument(doing);
    const job = await act({ collection, id, path: documentPath(collection, id) });
    const state = await ended(job);
    const { documents: [row] } = await call("GET", `/api/jobs/${job.id}/documents?limit=1`);
    if (!isShown()) return;
    if (state === "succeeded") await onNew(id);
    if (row?.outcome === "unchanged") {
      sayOfDocument("The file is the same as before: nothing has changed.");
      return;
    }
    const why = row?.error?.detail ?? row?.error?.title ?? `The job is ${state}.`;
    sayOfDocument(state === "succeeded" ? `It was ${done}.` : `It was not ${done}, and stays as it was: ${why}`);
  } catch (problem) {
    if (isShown()) sayOfDocument(problem.message);
  }
}

/** Send *file* under the name of a document, whose metadata stays. */
async function replace({ collection, id, path }, file) {
  const [own, other] = [id, file.name].map(suffixOf);
  if (own !== other) throw new Error(`This document is ${own ? `a ${own} file` : "a file without an ending"}, and ${file.name} is another kind: add it under its own name.`);
  const limit = Number(document.body.dataset.maxFileBytes);
  if (file.size > limit) throw new Error(`This file has ${bytes(file.size)}; a file may have ${bytes(limit)}.`);
  const { metadata = {} } = await call("GET", path);
  const form = new FormData();
  form.append("files", file, id);
  form.append("collection", collection);
  form.append("file_metadata", JSON.stringify({ [id]: metadata }));
  return call("POST", "/api/ingests", form);
}

const suffixOf = (name) => (/\.[^./]+$/.exec(name)?.[0] ?? "").toLowerCase();
