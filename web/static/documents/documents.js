// The view of documents: connects the collection, the list, the panel of one, and the uploads.

import { at, call, documentPath } from "../shared/api.js";
import { choose, collection, prepareCollections, refreshCollections } from "../shared/collections.js";
import { find, say, tried } from "../shared/dom.js";
import { watchHealth } from "../shared/health_light.js";
import { forget, listDocuments, markDocument, prepareList } from "./document_list.js";
import { closeDocument, openDocument, preparePanel, sayOfDocument } from "./document_panel.js";
import { ended, prepareRenewing } from "./renewing.js";
import { prepareUploads, showIngest, upload } from "./uploads.js";

const SEARCH_MS = 250;

let opened = null; // the id of the document in the panel
let timer = 0;

/** Say in the address what is shown, so that it can be kept, sent and reloaded. */
function address({ document: id = null, job = null, push = false } = {}) {
  const told = new URLSearchParams({ collection: collection() });
  const { how, words } = searched();
  if (words) told.set(how, words);
  if (id !== null) told.set("document", id);
  if (job !== null) told.set("job", job);
  history[push ? "pushState" : "replaceState"]({}, "", at(`/documents?${told}`));
}

const searched = () => ({ how: find("how").value, words: find("words").value });

async function show() {
  await listDocuments(collection(), searched());
  markDocument(opened);
}

async function open(id, opener) {
  opened = id;
  address({ document: id, push: true });
  markDocument(id);
  await openDocument(collection(), id, opener);
}

function close() {
  if (opened === null) return;
  opened = null;
  markDocument(null);
  closeDocument();
  address();
}

/** Show what the address names. */
async function openAddressed() {
  const told = new URL(location.href).searchParams;
  if (told.get("collection")) choose(told.get("collection"));
  find("how").value = told.has("prefix") ? "prefix" : "contains";
  find("words").value = told.get(find("how").value) ?? "";
  opened = told.get("document");
  if (opened === null) closeDocument({ refocus: false });
  const tasks = [show()];
  if (opened !== null) tasks.push(openDocument(collection(), opened, null, spanOf(told)));
  if (told.get("job")) tasks.push(openIngest(told.get("job")));
  await Promise.all(tasks);
}

/** Return the span of the text that an address names, in code points; null where it names none. */
function spanOf(told) {
  const [start, end] = ["start", "end"].map((name) => Number(told.get(name) ?? NaN));
  return Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start < end ? { start, end } : null;
}

const openIngest = (id) =>
  tried("upload-problem", async () => showIngest(await call("GET", `/api/jobs/${encodeURIComponent(id)}`), shownIn));

const refresh = () =>
  tried("documents-problem", async () => {
    await refreshCollections();
    await show();
  });

const shownIn = { onJob: (job) => address({ document: opened, job }), onEnd: refresh };

function addFiles(files) {
  say(find("upload-problem"));
  tried("upload-problem", () => upload(files, collection(), shownIn));
}

/** Ask whether something is to be deleted; *act* does it, and its failure keeps the dialog open. */
function ask(heading, words, act) {
  find("sure-heading").textContent = heading;
  find("sure-words").textContent = words;
  say(find("sure-problem"));
  find("sure-form").onsubmit = async (event) => {
    event.preventDefault();
    if (await tried("sure-problem", act)) find("sure-to-delete").close();
  };
  find("sure-to-delete").showModal();
}

/** Show the collection that was chosen. */
function changed() {
  close();
  find("words").value = "";
  address({ push: true });
  show();
}

function deleteDocument() {
  const id = opened;
  ask("Delete this document?", `${id} goes from every search and answer from now on. It can be added again.`, async () => {
    const job = await call("DELETE", documentPath(collection(), id));
    sayOfDocument("Deleting");
    const state = await ended(job);
    if (state !== "succeeded") throw new Error(`The document was not deleted: the job is ${state}.`);
    if (opened === id) close();
    forget(id);
    await refreshCollections();
  });
}

function deleteCollection() {
  const name = collection();
  ask("Delete the collection?", `“${name}” goes with all its documents. This cannot be taken back.`, async () => {
    await call("DELETE", `/api/collections/${encodeURIComponent(name)}`);
    choose("default");
    changed();
    await refreshCollections();
  });
}

/** Search for what stands in the form, once nobody types any more. */
function search() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    address({ document: opened });
    show();
  }, SEARCH_MS);
}

find("words").addEventListener("input", search);
find("how").addEventListener("change", () => find("words").value && search());
find("finder").addEventListener("submit", (event) => event.preventDefault());
find("delete-collection").addEventListener("click", deleteCollection);
find("document-delete").addEventListener("click", deleteDocument);
find("sure-cancel").addEventListener("click", () => find("sure-to-delete").close());
window.addEventListener("popstate", openAddressed);
prepareCollections(changed);
preparePanel(close);
prepareList(open);
prepareRenewing(
  () => ({ collection: collection(), id: opened }),
  async (id) => {
    await openDocument(collection(), id, null);
    await refresh();
  },
);
prepareUploads(addFiles, (act) => tried("upload-problem", act));
watchHealth();
tried("documents-problem", refreshCollections);
openAddressed();
