// What has become of the documents of an answer since it was given.

import { ApiProblem, call, documentPath } from "../shared/api.js";

/** Return `changed`, `deleted`, or nothing where *source* of *collection* still is what was read. */
export async function becameOf(source, collection) {
  try {
    const now = await call("GET", documentPath(collection, source.document_id));
    return now?.generation === source.generation ? "" : "changed";
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem;
    return problem.status === 404 ? "deleted" : "";
  }
}

/** Return whether a document that was replaced says something else where it was quoted. */
async function saysElse({ document_id: id, start, end, text }, collection) {
  try {
    return (await call("GET", `${documentPath(collection, id)}/text?${new URLSearchParams({ start, end })}`)).text !== text;
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem;
    return true; // shorter than it was
  }
}

async function fateOf(source, collection) {
  const fate = await becameOf(source, collection);
  return fate === "changed" && !(await saysElse(source, collection)) ? "" : fate;
}

/** Say which documents that an answer quotes are others now; empty where none is. */
export async function sinceThen({ sources = [], citations = [] }, collection) {
  const quoted = new Map(citations.map(({ marker }) => sources[marker - 1]).filter((one) => one && !one.deleted).map((one) => [one.document_id, one]));
  const fates = await Promise.all([...quoted.values()].map(async (source) => [source.document_id, await fateOf(source, collection)]));
  const those = (fate) => fates.filter(([, one]) => one === fate).map(([id]) => id);
  const have = (ids) => `${ids.join(", ")} ${ids.length === 1 ? "has" : "have"}`;
  return [
    [those("changed"), "changed since: what is quoted is the earlier text. Ask again for what it says now."],
    [those("deleted"), "been deleted since. The answer keeps what it quoted."],
  ].filter(([ids]) => ids.length).map(([ids, words]) => `${have(ids)} ${words}`).join(" ");
}
