// The collection that questions go to and documents go into.

import { at, call } from "./api.js";
import { remember, remembered } from "./collection_memory.js";
import { count, find, make, say } from "./dom.js";

const NEW = "\u0000new";
const RULE = "A name has letters, digits, dots, dashes and underscores only, no spaces, and begins with a letter or a digit.";
let known = new Map([["default", null]]);
let chosen = "default";
let isRecalled = false; // chosen by an earlier view, and perhaps gone since
let onGone = () => {};

export const collection = () => chosen;

/** Choose a collection, also one that the list does not know yet; views that follow have it, too, with *keep*. */
export function choose(name, { keep = true } = {}) {
  if (!known.has(name)) known.set(name, null);
  chosen = name;
  isRecalled = false;
  if (keep) remember(name);
  draw();
}

/** Read the names and sizes again. */
export async function refreshCollections() {
  const { collections } = await call("GET", "/api/collections");
  const fresh = new Map(collections.map((entry) => [entry.name, entry.documents ?? null]));
  if (!fresh.has("default")) fresh.set("default", 0);
  const isGone = isRecalled && !fresh.has(chosen);
  if (isGone) {
    chosen = "default";
    remember(null);
  }
  isRecalled = false;
  if (!fresh.has(chosen)) fresh.set(chosen, 0);
  known = fresh;
  draw();
  if (isGone) onGone();
}

/** Choose what the address names, else what was chosen last. */
function chooseFirst() {
  const named = new URL(location.href).searchParams.get("collection");
  const last = named ? null : remembered();
  choose(named || last || "default", { keep: Boolean(named) });
  isRecalled = last !== null;
}

function draw() {
  const select = find("collection");
  const names = [...known.keys()].sort((a, b) => (b === "default") - (a === "default") || a.localeCompare(b));
  select.replaceChildren(
    ...names.map((name) => make("option", { value: name }, name)),
    make("option", { value: NEW }, "New collection\u2026"),
  );
  select.value = chosen;
  const documents = known.get(chosen);
  const words = documents === 0 ? "no documents yet" : documents ? count(documents, "document") : "";
  const address = at(`/documents?collection=${encodeURIComponent(chosen)}`);
  const link = words && document.body.dataset.view !== "Documents";
  find("collection-note").replaceChildren(link ? make("a", { href: address }, words) : words);
}

/** Let people choose and make collections; *onChoose* is told when they have, and when the one chosen last is gone. */
export function prepareCollections(onChoose = () => {}) {
  onGone = onChoose;
  chooseFirst();
  const dialog = find("new-collection");
  const problem = find("new-collection-problem");
  find("collection").addEventListener("change", (event) => {
    if (event.target.value !== NEW) {
      choose(event.target.value);
      onChoose();
      return;
    }
    event.target.value = chosen;
    find("new-collection-form").reset();
    say(problem);
    dialog.showModal();
  });
  const name = find("new-collection-name");
  name.addEventListener("input", () => {
    name.setCustomValidity(name.validity.patternMismatch ? RULE : "");
    if (name.validity.valid) say(problem);
  });
  // The browser's own bubble would cover the rule below the field.
  name.addEventListener("invalid", (event) => {
    event.preventDefault();
    say(problem, name.validationMessage);
    name.focus();
  });
  find("new-collection-cancel").addEventListener("click", () => dialog.close());
  find("new-collection-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await call("POST", "/api/collections", { name: name.value });
      dialog.close();
      choose(name.value);
      await refreshCollections();
      onChoose();
    } catch (error) {
      say(problem, error.message);
    }
  });
}
