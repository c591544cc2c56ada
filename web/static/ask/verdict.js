// Whether a question was answered, why not, and how sure that is, in words for people.

import { count } from "../shared/dom.js";

/** What a generator writes that has nothing to say: said once, not again as an answer. */
export const NOT_IN_DOCUMENTS = "The documents do not seem to answer this.";

const WITHHELD = "(Withheld: the document was deleted.)"; // stands in an answer for what it has lost

const WHY_WORDS = {
  no_documents: "There are no documents yet in this collection.",
  nothing_matches_filter: "No answer, because no document matches the filter.",
  not_searched: "No documents were searched, because no passages were asked for.",
  not_in_documents: NOT_IN_DOCUMENTS,
};
const DEGRADED_WORDS = {
  sparse: "The word index was behind, so this was found by meaning alone; exact words may have been missed.",
  rerank: "The reranker was not available, so passages are ranked by meaning and words alone.",
};

/**
 * Say what a reader should know before trusting an answer. *told* is a result, or the verdict that
 * comes before its text; with *closest* a text follows although it is no answer.
 */
export function remarks(told, { closest }) {
  const lines = [];
  if (!told.answered) {
    // Jobs of an earlier build do not say why.
    const why = told.why ?? (told.documents === 0 ? "no_documents" : "not_in_documents");
    lines.push(WHY_WORDS[why] ?? NOT_IN_DOCUMENTS);
  }
  lines.push(...(told.filter_hints ?? []).map(sentence));
  if (!told.answered) {
    if (closest) lines.push("Below is the closest that was found.");
  }
  if (told.waiting) {
    lines.push(`${count(told.waiting, "document")} ${told.waiting === 1 ? "is" : "are"} still being added.`);
  }
  if (told.missing?.length) lines.push(`Not in the passages: ${told.missing.join(", ")}.`);
  const gone = withheld(told);
  if (gone.length) lines.push(`What came from ${count(gone.length, "document")} deleted since is withheld: ${gone.join(", ")}.`);
  for (const part of told.degraded ?? []) {
    if (part === "ingesting") continue; // said above
    lines.push(DEGRADED_WORDS[part] ?? `Part of the search was not available: ${part}.`);
  }
  return lines.join(" ");
}

/** Return the deleted documents whose words an answer has lost; those that it did not quote are none. */
function withheld({ answer = "", citations = [], sources = [], deleted = [] }) {
  const quoted = new Set(citations.filter((one) => one.deleted).map(({ marker }) => sources[marker - 1]?.document_id));
  // Where nobody knows what is whose, the note stands for the whole.
  return quoted.size || !answer.includes(WITHHELD) ? deleted.filter((id) => quoted.has(id)) : deleted;
}

/** Return whether an answer has lost all that it quoted, with the documents. */
export const isWithheld = ({ citations }) => Boolean(citations?.length) && citations.every((one) => one.deleted);

/** Return how sure an answer is and what that means; empty where that is unknown. */
export function sureness(result) {
  const { answered, confidence, citations } = result;
  if (typeof confidence !== "number" || !citations?.length || isWithheld(result)) return "";
  const hundredth = Math.round(confidence * 100);
  if (!answered) return `Of 100 questions like this one, the documents answer about ${hundredth}: too few to call it an answer.`;
  return `Confidence ${hundredth} %: of 100 questions with this figure, the documents answer about ${hundredth}.`;
}

/** Say who wrote an answer; nothing where no words of it are left, or it has none. */
export function author(result) {
  if (!result.answer.trim() || result.answer.trim() === NOT_IN_DOCUMENTS || isWithheld(result)) return "";
  if (result.generator !== "extractive") return `Written by ${result.generator}.`;
  return result.citations?.length ? "Quoted from the documents; no language model wrote this." : "";
}

function sentence(words) {
  const line = words.charAt(0).toUpperCase() + words.slice(1);
  return line.endsWith("?") ? line : `${line}.`;
}
