// The fields that documents of a collection have, each as a condition with a value of theirs.

import { ApiProblem, call } from "../shared/api.js";
import { find, make } from "../shared/dom.js";
import { written } from "./filter_words.js";

const LOOKED_AT = 100; // documents
const MOST = 12; // conditions
const MOST_CHARS = 48; // of one

let turn = 0;

/** Show conditions that documents of *collection* fulfil; a click writes one of them. */
export async function showFields(collection) {
  const mine = (turn += 1);
  let documents = [];
  try {
    ({ documents } = await call("GET", `/api/collections/${encodeURIComponent(collection)}/documents?limit=${LOOKED_AT}`));
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem; // there is no such collection yet
  }
  if (mine !== turn) return;
  const lines = examples(documents);
  find("filter-examples").hidden = !lines.length;
  find("filter-examples").replaceChildren("For example, from these documents:", ...lines.map(button));
}

/** Return a condition for each field: of those that can be counted a bound, of others the shortest value. */
function examples(documents) {
  const fields = new Map();
  for (const { document_id: id, title, language, metadata } of documents) {
    const known = { ...metadata, language, title, document_id: id };
    for (const [name, value] of Object.entries(known)) {
      for (const one of [].concat(value)) if (one !== null && one !== undefined && one !== "") fields.set(name, [...(fields.get(name) ?? []), one]);
    }
  }
  const lines = [...fields].map(([name, values]) => {
    const [first] = values.sort((a, b) => String(a).length - String(b).length);
    return name + (typeof first === "number" ? ">=" : "=") + written(first);
  });
  return lines.filter((line) => line.length <= MOST_CHARS && (line.match(/"/g)?.length ?? 0) % 2 === 0).slice(0, MOST);
}

function button(line) {
  const made = make("button", { type: "button", className: "plain", title: "Write this condition" }, make("code", {}, line));
  made.addEventListener("click", () => {
    const area = find("filters");
    area.value = [area.value.trimEnd(), line].filter(Boolean).join("\n");
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
  });
  return made;
}
