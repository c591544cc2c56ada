// The sources below an answer: those that it quotes with the quoted words, the rest folded.

import { find, make, pageOf } from "../shared/dom.js";
import { openPassage, whereabouts } from "./passage.js";

const PREVIEW = 240; // characters

/**
 * Draw *sources* of *collection*.
 *
 * Until the answer *isWhole* nobody knows which it quotes: all are listed.
 */
export function drawSources(sources, citations, collection, { isWhole = true } = {}) {
  const all = sources.map((source, index) => ({ source, number: index + 1, own: citations.filter(({ marker }) => marker === index + 1) }));
  const isQuoted = ({ own }) => !isWhole || own.length > 0;
  const quoted = all.filter(isQuoted);
  const rest = all.filter((one) => !isQuoted(one));
  const lines = (some) => some.map((one) => line(one, collection));
  find("sources-section").hidden = !sources.length;
  find("sources-heading").hidden = !quoted.length;
  find("sources").hidden = !quoted.length;
  find("sources").replaceChildren(...lines(quoted));
  find("also-found").hidden = !rest.length;
  find("also-found").open = false;
  find("also-words").textContent = `${quoted.length ? "Also found" : "Found, and not quoted"} (${rest.length})`;
  find("also-list").replaceChildren(...lines(rest));
}

function line({ source, number, own }, collection) {
  const button = make(
    "button",
    { type: "button", "aria-expanded": "false", "aria-controls": "passage", className: own.length ? "cited" : "" },
    make("span", { className: "n" }, String(number)),
    make("span", { className: "title" }, source.title || source.document_id),
    make("span", { className: "where" }, pageOf(source)),
    make("span", { className: "snippet" }, preview(source, own)),
  );
  button.title = whereabouts(source);
  button.addEventListener("click", () => openPassage(source, own, collection, button));
  return make("li", {}, button);
}

/** Return the words of a source that an answer quotes, else its first ones, without marks of headings. */
function preview(source, own) {
  if (source.deleted) return "Deleted since: its text is withheld.";
  const quotes = own.map(({ shown, quote }) => shown || quote).filter(Boolean);
  const text = quotes.length ? quotes.join(" \u2026 ") : source.text.replace(/^#{1,6}[ \t]+/gm, "");
  return text.replace(/\s+/g, " ").trim().slice(0, PREVIEW);
}
