// An answer as Markdown, to be pasted elsewhere: the text, its quotes, and where they stand.

import { whereabouts } from "./passage.js";

/** Return a finished question as Markdown; *address* leads back to it. */
export function asMarkdown(job, address) {
  const { question } = job.request;
  const { answer, sources = [], citations = [] } = job.result;
  const lines = [`**${escaped(question)}**`, "", escaped(answer), ""];
  sources.forEach((source, index) => {
    const own = citations.filter((citation) => citation.marker === index + 1);
    if (!own.length) return;
    const where = whereabouts(source);
    lines.push(`${index + 1}. ${escaped([source.title || source.document_id, where].filter(Boolean).join(", "))}`);
    for (const { quote } of own) if (quote) lines.push(`   > ${escaped(quote.replace(/\s+/g, " "))}`);
  });
  return `${lines.join("\n").trimEnd()}\n\n<${address}>\n`;
}

/** Keep what Markdown would read as markup as the letters that it is; [1] stays a mark of a source. */
const escaped = (text) => text.replace(/[\\`*_<>#|]/g, "\\$&");
