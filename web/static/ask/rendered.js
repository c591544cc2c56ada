// A model's answer as the server has rendered it: elements, but for its markers of sources.

/**
 * Return the nodes of *html*, which the server has sanitised, each text with its markers replaced by
 * what *withMarkers* makes of it. Code and links keep theirs as letters.
 */
export function rendered(html, withMarkers) {
  // Nothing is run or fetched of a document that is parsed like this.
  const { body } = new DOMParser().parseFromString(html, "text/html");
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest("code, a")) texts.push(walker.currentNode);
  for (const text of texts) text.replaceWith(...withMarkers(text.data));
  for (const link of body.querySelectorAll("a")) link.target = "_blank";
  return [...body.childNodes];
}
