// The last hour: what was asked and answered, how long it took, what waited.

import { at } from "../shared/api.js";
import { duration, find, say } from "../shared/dom.js";
import { ROLES, share } from "./check_words.js";
import { drawGraph } from "./sparkline.js";

const LOOK_MS = 15_000;
const perMinute = (value) => `${number(value)} a minute`;
const seconds = (value) => duration(value * 1000);
const number = (value) => value.toLocaleString("en", { maximumFractionDigits: 1 });

const GRAPHS = [
  { id: "questions", title: "Questions and searches", lines: [["questions", "ended", perMinute]] },
  { id: "latency", title: "Time of a question", lines: [
    ["latency:p50", "half within", seconds, { now: (value) => `half in ${seconds(value)}` }],
    ["latency:p95", "95 % within", seconds, { now: (value) => `95 % in ${seconds(value)}` }],
  ] },
  { id: "documents", title: "Documents", lines: [["documents", "ended", perMinute]] },
  { id: "cache", title: "Embeddings found in the cache", top: 1, lines: [["cache:hits", "found", share, { now: (value) => `${share(value)} when last looked for` }]] },
  ...Object.entries(ROLES).map(([role, title]) => ({
    id: role,
    title: `Queue: ${title.toLowerCase()}`,
    lines: [
      [`queue:${role}`, "waiting", (value) => `${number(value)} waiting`],
      [`busy:${role}`, "at work", (value) => `${number(value)} at work`],
      [`age:${role}`, "oldest question", (value) => (value ? `oldest ${seconds(value)}` : "none"), { isText: true }],
    ],
  })),
  {
    id: "engine",
    title: "Language model’s engine",
    lines: [["engine:running", "running", (value) => `${number(value)} running`], ["engine:waiting", "waiting", (value) => `${number(value)} waiting`]],
  },
];

/** Draw the last hour, and draw it anew now and then. */
export function watchHistory() {
  const again = () => document.hidden || look();
  document.addEventListener("visibilitychange", again);
  setInterval(again, LOOK_MS);
  look();
}

async function look() {
  let answer;
  try {
    answer = await fetch(at("/health/history"), { headers: { Accept: "application/json" } });
  } catch {
    return; // the view says already that nothing answers
  }
  // Strangers are told no more than the status.
  find("history").hidden = answer.status === 403;
  if (answer.ok) draw(await answer.json());
}

function draw({ step_s: stepS, until, series }) {
  const told = new Map(series.map((one) => [one.name, one.values]));
  const length = series[0]?.values.length ?? 0;
  const times = Array.from({ length }, (_, n) => Date.parse(until) - (length - 1 - n) * stepS * 1000);
  const graphs = GRAPHS.map((graph) => ({ ...graph, lines: graph.lines.filter(([name]) => told.has(name)).map(([name, words, inWords, more]) => ({ name: words, values: told.get(name), say: inWords, ...more })) }));
  const shown = graphs.filter(({ lines }) => lines.length).map((graph) => drawGraph(graph, times));
  say(find("history-empty"), shown.length ? "" : "Nothing is known yet: the first values come within a minute.");
  for (const gone of [...find("graphs").children].filter((one) => !shown.includes(one))) gone.remove();
  for (const one of shown) if (!one.isConnected) find("graphs").append(one);
}
