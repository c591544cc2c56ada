// Where the time of a job went: a drawn bar, its legend, and a table for who cannot see it.

import { duration, make } from "../shared/dom.js";
import { ranMs, waitedMs } from "./job_words.js";

const WORDS = {
  queued: "waited",
  embed: "embedded the question",
  dense: "searched by meaning",
  sparse: "searched by words",
  fuse: "merged the two",
  rerank: "reranked",
  retrieve: "searched",
  read: "read the passages",
  generate: "answered",
  rest: "between the stages",
  work: "worked",
};

/**
 * Return the parts of a job's time in their order, each { part, ms } and some with { beside }.
 *
 * Two that ran beside each other are one part: it took as long as the longer, which comes first.
 */
export function partsOf(job) {
  const spent = job.timings_ms ?? {};
  const parts = [{ part: "queued", ms: waitedMs(job) }];
  const ran = ranMs(job);
  if (job.kind !== "query" || spent.retrieve === undefined) {
    if (ran !== null) parts.push({ part: "work", ms: ran });
    return parts.filter(({ ms }) => ms > 0);
  }
  parts.push({ part: "embed", ms: spent.embed ?? 0 }, ...searched(spent), { part: "generate", ms: spent.generate ?? 0 });
  const known = parts.reduce((sum, { ms }) => sum + ms, 0);
  const rest = (spent.total ?? 0) - known;
  if (rest > known / 50) parts.push({ part: "rest", ms: rest });
  return parts.filter(({ ms }) => ms > 0);
}

/** Return the parts of the search; jobs of earlier builds tell how long it took, and no more. */
function searched({ retrieve, dense = 0, sparse = 0, fuse = 0, rerank = 0 }) {
  if (!dense && !sparse) return [{ part: "retrieve", ms: retrieve }];
  const [longer, shorter] = [{ part: "dense", ms: dense }, { part: "sparse", ms: sparse }].sort((a, b) => b.ms - a.ms);
  const rest = retrieve - longer.ms - fuse - rerank;
  return [
    { ...longer, beside: shorter.ms ? shorter : null },
    { part: "fuse", ms: fuse },
    { part: "rerank", ms: rerank },
    { part: "read", ms: Math.max(0, rest) },
  ];
}

/** Draw where the time of a job went; nothing where none is known. */
export function timeline(job) {
  const parts = partsOf(job);
  if (!parts.length) return [];
  const every = parts.flatMap((one) => (one.beside ? [one, { ...one.beside, isBeside: true }] : [one]));
  const bar = make("div", { className: "timeline", "aria-hidden": "true" }, ...parts.map(piece));
  const legend = make("ul", { className: "legend", "aria-hidden": "true" }, ...every.map(entry));
  const rows = every.map(({ part, ms, isBeside }) =>
    make("tr", {}, make("th", { scope: "row" }, WORDS[part] + (isBeside ? ", at the same time" : "")), make("td", {}, duration(ms))),
  );
  const table = make("table", {}, make("caption", {}, "Where the time went"), make("tbody", {}, ...rows));
  return [bar, legend, make("div", { className: "hidden" }, table)];
}

function piece({ part, ms, beside }) {
  const drawn = make("span", {});
  drawn.style.flexGrow = ms;
  if (!beside) {
    drawn.dataset.part = part;
    return drawn;
  }
  for (const one of [{ part, ms }, beside]) {
    const half = make("span", {});
    half.dataset.part = one.part;
    half.style.width = `${(100 * one.ms) / ms}%`;
    drawn.append(half);
  }
  drawn.className = "both";
  return drawn;
}

function entry({ part, ms }) {
  const item = make("li", {}, make("span", { className: "swatch" }), `${WORDS[part]} ${duration(ms)}`);
  item.dataset.part = part;
  return item;
}
