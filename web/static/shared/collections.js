// The collection that questions go to and documents go into.

import { at, call } from "./api.js";
import { count, find, make, say } from "./dom.js";

const NEW = "\u0000new";
let known = new Map([["default", null]]);
let chosen = "default";

export const collection = () => chosen;

/** Choose a collection, also one that the list does not know yet. */
export function choose(name) {
  if (!known.has(name)) known.set(name, null);
  chosen = name;
  draw();
}

/** Read the names and sizes again. */
export async function refreshCollections() {
  const { collections } = await call("GET", "/api/collections");
  const fresh = new Map(collections.map((entry) => [entry.name, entry.documents ?? null]));
  if (!fresh.has("default")) fresh.set("default", 0);
  if (!fresh.has(chosen)) fresh.set(chosen, 0);
  known = fresh;
  draw();
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

/** Let people choose and make collections; *onChoose* is told when they have. */
export function prepareCollections(onChoose = () => {}) {
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
  find("new-collection-cancel").addEventListener("click", () => dialog.close());
  find("new-collection-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = find("new-collection-name").value;
    try {
      await call("POST", "/api/collections", { name });
      dialog.close();
      choose(name);
      await refreshCollections();
      onChoose();
    } catch (error) {
      say(problem, error.message);
    }
  });
}
