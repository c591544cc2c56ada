// How the passages of a question were found: each candidate's rank and score, by who proposed it.

import { at } from "../shared/api.js";
import { count, find, make } from "../shared/dom.js";

const FIRST = 20; // candidates that are shown before all are asked for

/** Draw the trace of a job's search as a table. */
export function drawTrace(job, { all = false } = {}) {
  const { candidates, dropped, filter } = job.result.trace;
  const used = new Set((job.result.sources ?? []).map((source) => source.chunk_id));
  const has = (name) => candidates.some((one) => one[name]);
  const columns = COLUMNS.filter(({ name }) => !name || has(name));
  const heads = columns.map(({ words, number }) => make("th", { scope: "col", className: number ? "number" : "" }, words));
  const rows = candidates.slice(0, all ? undefined : FIRST).map((one) => row(one, columns, { job, dropped, used }));
  find("trace-section").hidden = false;
  find("trace").replaceChildren(
    make("table", { className: "trace" }, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)),
    ...more(job, candidates.length, all),
  );
  find("trace-words").textContent = inWords(candidates, dropped, filter);
}

const COLUMNS = [
  { words: "Rank", number: true, value: (one) => one.rank },
  { words: "Passage", value: (one, { job }) => passage(one.chunk_id, job.collection) },
  { words: "Score", number: true, value: (one) => score(one.score) },
  { name: "dense", words: "By meaning", number: true, value: ({ dense }) => ranked(dense) },
  { name: "sparse", words: "By words", number: true, value: ({ sparse }) => ranked(sparse) },
  { name: "neighbours", words: "Nearby", number: true, value: ({ neighbours }) => (neighbours ? signed(neighbours.part) : "") },
  { name: "rerank", words: "Reranked", number: true, value: ({ rerank }) => ranked(rerank) },
  { words: "What became of it", value: (one, { dropped, used }) => fate(one.chunk_id, dropped, used) },
];

function row(one, columns, told) {
  const line = make("tr", {}, ...columns.map(({ value, number }) => make("td", { className: number ? "number" : "" }, value(one, told) ?? "")));
  if (told.used.has(one.chunk_id)) line.dataset.here = "";
  return line;
}

/** Return the link to the document that a chunk is of; its id ends with generation and number. */
function passage(chunkId, collection) {
  const [, document = chunkId, , n = ""] = /^(.*):(\d+):(\d+)$/.exec(chunkId) ?? [];
  const told = new URLSearchParams({ collection: collection ?? "default", document });
  return make("a", { href: at(`/documents?${told}`) }, `${document}${n ? `, passage ${Number(n) + 1}` : ""}`);
}

const score = (value) => value.toFixed(3);
const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(3)}`;

/** Say a rank, its score, and what that gave to the whole. */
function ranked(one) {
  if (!one) return "";
  return `no. ${one.rank}: ${score(one.score)}${one.part === undefined ? "" : ` (${signed(one.part)})`}`;
}

function fate(chunkId, dropped, used) {
  if (used.has(chunkId)) return "read for the answer";
  return dropped[chunkId] ? `left out: ${dropped[chunkId]}` : "";
}

function inWords(candidates, dropped, filter) {
  const shown = new Set(candidates.map((one) => one.chunk_id));
  const early = Object.keys(dropped).filter((name) => !shown.has(name)).length;
  return [
    `${count(candidates.length, "candidate")}, best first; in brackets what each search gave to the score.`,
    early ? `${count(early, "more was", "more were")} left out before: of an older version, or not what the filter lets pass.` : "",
    filter?.matching !== undefined ? `The filter lets ${count(filter.matching, "passage")} pass.` : "",
  ].filter(Boolean).join(" ");
}

function more(job, total, all) {
  if (all || total <= FIRST) return [];
  const button = make("button", { type: "button", className: "plain" }, `Show all ${total.toLocaleString("en")}`);
  button.addEventListener("click", () => drawTrace(job, { all: true }));
  return [make("p", { className: "more" }, button)];
}
