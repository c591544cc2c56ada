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

/** Say what a text is taken for. */
export function readAs(text) {
  if (!text.trim()) return "";
  const kind = kindOf(text);
  if (kind !== "lines") return `Read as ${NAMES[kind]}`;
  return count(text.split("\n").filter((line) => line.trim()).length, "question");
}

/** Return a text as a file; a line stays where it is, so that what is wrong is told by its number. */
export function asFile(text) {
  const kind = kindOf(text);
  if (kind !== "lines") return new File([text.trimStart()], `list.${kind}`);
  const lines = text.split("\n").map((line) => (line.trim() ? JSON.stringify({ question: line.trim() }) : ""));
  return new File([lines.join("\n")], "list.jsonl");
}
