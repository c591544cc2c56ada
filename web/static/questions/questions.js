// Many questions at once: pasted, or out of a file, they become one job.

import { call } from "../shared/api.js";
import { collection, prepareCollections, refreshCollections } from "../shared/collections.js";
import { count, find, say, tried } from "../shared/dom.js";
import { watchHealth } from "../shared/health_light.js";
import { pathOf } from "../jobs/job_words.js";
import { asFile, questionsIn, readAs } from "./list_text.js";

const MOST_COUNTED = 20_000_000; // bytes of a file

let file = null; // what was chosen instead of text

function showWhatIsRead() {
  const text = find("questions").value;
  find("questions").disabled = file !== null;
  find("file").labels[0].textContent = file ? "Write instead" : "Choose a file";
  say(find("read-as"), file ? "" : readAs(text));
  find("drop-hint").hidden = file !== null;
  showFile();
}

/** Say which file was chosen, and how many questions it has. */
async function showFile() {
  const mine = file;
  say(find("file-name"), mine?.name ?? "");
  if (!mine || mine.size > MOST_COUNTED) return;
  const n = questionsIn((await mine.text()).replace(/^\uFEFF/, ""));
  if (file === mine && n !== null) say(find("file-name"), `${mine.name}: ${count(n, "question")}`);
}

/** Take a file in place of what is written; null brings that back. */
function take(chosen) {
  file = chosen;
  find("file").value = "";
  say(find("ask-problem"));
  showWhatIsRead();
}

async function ask() {
  const form = new FormData();
  form.append("file", file ?? asFile(find("questions").value));
  form.append("collection", collection());
  if (find("top-k").value) form.append("top_k", find("top-k").value);
  const job = await call("POST", "/api/questions", form);
  location.assign(pathOf(job.id));
}

find("questions").addEventListener("input", showWhatIsRead);
find("file").addEventListener("click", (event) => {
  if (!file) return;
  event.preventDefault();
  take(null);
  find("questions").focus();
});
find("file").addEventListener("change", (event) => take(event.target.files[0] ?? null));
find("drop").addEventListener("dragover", (event) => event.preventDefault());
find("drop").addEventListener("drop", (event) => {
  event.preventDefault();
  const { files } = event.dataTransfer;
  if (files.length > 1) say(find("ask-problem"), `A list is one file; these are ${count(files.length, "file")}.`);
  else if (files.length) take(files[0]);
});
find("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  say(find("ask-problem"), file || find("questions").value.trim() ? "" : "Write a question, or choose a file.");
  if (!find("ask-problem").hidden) return;
  find("ask-button").disabled = true;
  await tried("ask-problem", ask);
  find("ask-button").disabled = false;
});
prepareCollections();
showWhatIsRead();
find("ask-button").disabled = false; // before, the browser itself would send the form
watchHealth();
tried("ask-problem", refreshCollections);
