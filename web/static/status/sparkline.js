// A small graph of the last hour: lines for the eye, a sentence for the ear, a table on demand.

import { find, make } from "../shared/dom.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 40;
const PAD = 2; // a line at the edge keeps its width

/** Return the time of a value, as people here read clocks. */
export const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

/**
 * Draw a graph: { id, title, lines: [{ name, values, say, now, isText }], top }, with the time of each value.
 *
 * *top* is the value at the upper edge, the highest by default; *say* puts a value into words, *now* the
 * last one where it stands by itself, and a line *isText* where it has no place in the picture, being of another unit. A graph that is there is
 * drawn anew in place, so that its table stays open.
 */
export function drawGraph(graph, times) {
  const figure = find(`graph-${graph.id}`) ?? frame(graph);
  const [main] = graph.lines;
  const last = lastOf(main.values);
  const words = graph.lines.map((line) => inWords(line, times)).join("; ");
  figure.querySelector(".now").replaceChildren(...graph.lines.map(now).filter(Boolean));
  figure.querySelector("svg").replaceWith(picture(graph, `${graph.title} in the last hour: ${words}`));
  figure.querySelector(".range").textContent = last === null ? "" : range(main, times);
  const details = figure.querySelector("details");
  details.told = () => details.open && fill(details, graph, times);
  details.told();
  return figure;
}

function frame({ id, title }) {
  const details = make("details", {}, make("summary", { "aria-label": `${title} as a table` }, "As a table"), make("div", { className: "values", tabIndex: 0, role: "group", "aria-label": `${title}: values` }));
  details.addEventListener("toggle", () => details.told());
  return make(
    "figure",
    { id: `graph-${id}`, className: "graph" },
    make("figcaption", {}, make("span", { className: "title" }, title), make("span", { className: "now" })),
    document.createElementNS(SVG, "svg"),
    make("p", { className: "range quiet" }),
    details,
  );
}

const known = (values) => values.filter((value) => value !== null);
const lastOf = (values) => known(values).at(-1) ?? null;

/** Say the last value of a line, marked as the line is where there are several. */
function now({ values, say, now: sayNow = say, isText }, at, lines) {
  const last = lastOf(values);
  if (last === null || (isText && !last)) return null;
  const words = make("span", {}, sayNow(last));
  if (!isText && lines.filter((line) => !line.isText).length > 1) words.className = `key line-${at}`;
  return words;
}

/** Say what a line shows: its last value, its highest with the time, its lowest. */
function inWords(line, times) {
  if (!known(line.values).length) return `${line.name}: no values`;
  return `${line.name} now ${line.say(lastOf(line.values))}, ${range(line, times)}`;
}

function range({ values, say }, times) {
  const [low, high] = [Math.min(...known(values)), Math.max(...known(values))];
  return low === high ? `always ${say(low)}` : `highest ${say(high)} at ${clock(times[values.lastIndexOf(high)])}, lowest ${say(low)}`;
}

function picture({ lines: all, top }, words) {
  const lines = all.filter(({ isText }) => !isText);
  const width = lines[0].values.length - 1;
  const highest = top ?? Math.max(...lines.flatMap(({ values }) => known(values)), 0);
  const drawn = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${width} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": words })) {
    drawn.setAttribute(name, value);
  }
  lines.forEach(({ values }, n) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", traced(values, highest));
    path.setAttribute("class", `line-${n}`);
    drawn.prepend(path); // the first lies above the others
  });
  return drawn;
}

/** Return the path of a line, which is broken where there is no value. */
function traced(values, highest) {
  let pen = "M";
  return values
    .map((value, x) => {
      if (value === null) {
        pen = "M";
        return "";
      }
      const y = HEIGHT - PAD - (highest ? (value / highest) * (HEIGHT - 2 * PAD) : 0);
      // A value alone is a dot: a line of no length with round ends.
      const alone = pen === "M" ? "h0" : "";
      const step = `${pen}${x} ${y.toFixed(1)}${alone}`;
      pen = "L";
      return step;
    })
    .join("");
}

function fill(details, { title, lines }, times) {
  const heads = ["Until", ...lines.map(({ name }) => name)].map((words) => make("th", { scope: "col" }, words));
  const rows = times
    .map((ms, at) => make("tr", {}, make("th", { scope: "row" }, clock(ms)), ...lines.map(({ values, say }) => make("td", {}, values[at] === null ? "no value" : say(values[at])))))
    .reverse();
  details.querySelector(".values").replaceChildren(
    make("table", {}, make("caption", { className: "hidden" }, title), make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)),
  );
}
