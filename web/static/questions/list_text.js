// A list of questions as people write or paste it, and the file that it is sent as.

import { count } from "../shared/dom.js";

const NAMES = { csv: "a table", jsonl: "lines of JSON", json: "JSON" };

/** Return what a text is: `json`, `jsonl`, `csv`, or `lines`, a question each. */
export function kindOf(text) {
  const [first] = text.trimStart().split("\n", 1);
  if (first.startsWith("[")) return "json";
  if (first.startsWith("{")) return /"questions"\s*:/.test(first) || first.trim() === "{" ? "json" : "jsonl";
  const cells = first.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1").toLowerCase());
  return cells.includes("question") ? "csv" : "lines";
}

/** Say what a text is taken for, and how many questions that are. */
export function readAs(text) {
  if (!text.trim()) return "";
  const kind = kindOf(text);
  const n = questionsIn(text, kind);
  const told = n === null ? "" : count(n, "question");
  return kind === "lines" ? told : [`Read as ${NAMES[kind]}`, told].filter(Boolean).join(", ");
}

/** Count the questions of a text; null where it cannot be read. */
export function questionsIn(text, kind = kindOf(text)) {
  const lines = (whole) => whole.split(/\r\n|\r|\n/).filter((line) => line.trim()).length;
  if (kind === "csv") return Math.max(0, lines(text.replace(/"(?:[^"]|"")*"/g, "x")) - 1); // quotes may hold lines
  if (kind !== "json") return lines(text);
  try {
    const told = JSON.parse(text);
    return (Array.isArray(told) ? told : told.questions).length;
  } catch {
    return null;
  }
}

/** Return a text as a file; a line stays where it is, so that what is wrong is told by its number. */
export function asFile(text) {
  const kind = kindOf(text);
  if (kind !== "lines") return new File([text.trimStart()], `list.${kind}`);
  const lines = text.split("\n").map((line) => (line.trim() ? JSON.stringify({ question: line.trim() }) : ""));
  return new File([lines.join("\n")], "list.jsonl");
}
