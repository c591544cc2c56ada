// The marker of a citation: a button that opens the words that it quotes.

import { make } from "../shared/dom.js";
import { openPassage } from "./passage.js";

/** Return the marker *number* of *source* in *collection*; *quotes* returns the citations that it opens. */
export function markerButton(number, source, collection, quotes) {
  const button = make("button", { type: "button", className: "cite", "aria-expanded": "false", "aria-controls": "passage" }, String(number));
  button.setAttribute("aria-label", `Source ${number}: ${source.title || source.document_id}`);
  button.addEventListener("click", () => openPassage(source, quotes(), collection, button));
  return button;
}
