// The checks of /health in words for people: where each belongs, what it is called, what it says.

import { duration } from "../shared/dom.js";

export const ROLES = {
  retrieve: "Searching",
  generate: "Answering",
  ingest: "Reading files",
  embed: "Indexing",
};
const STORES = { redis: "Queue (Redis)", cache: "Embedding cache (Redis)", chroma: "Vectors (Chroma)" };
const PARTS = { responseTime: "", memory: "memory", persistence: "kept on disk", evictionPolicy: "when full", history: "ended jobs kept", compactRows: "options" };
const OTHERS = {
  "models:embedding": ["Models", "Embedding model"],
  "models:reranker": ["Models", "Reranker"],
  "models:llm": ["Models", "Language model"],
  "embedding:engine": ["Models", "Computed by"],
  "cache:embeddings": ["Models", "Embeddings found in the cache, since the start"],
  "parsing:isolation": ["Machine", "Reading files"],
  "index:sparse": ["Stores", "Word index"],
  "index:dense": ["Stores", "Vector index"],
  "index:writes": ["Stores", "Vector index, writes"],
  "archive:waiting": ["Queues", "Records for the archive"],
  "webhooks:waiting": ["Queues", "Webhooks"],
  "disk:data": ["Machine", "Data disk"],
  "system:memory": ["Machine", "Memory"],
  "gpu:memory": ["Machine", "Memory of the cards"],
  "gpu:temperature": ["Machine", "Temperature of the cards"],
};
export const GROUPS = ["Workers", "Queues", "Stores", "Models", "Machine", "Other"];

export const share = (value) => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;

/** Return the group and the name of a check; one that this build does not know keeps its own name. */
export function named(key) {
  if (OTHERS[key]) return OTHERS[key];
  const [first, second, third] = key.split(":");
  if (first === "workers" && ROLES[second]) return ["Workers", ROLES[second]];
  if (first === "queue" && ROLES[second]) return ["Queues", ROLES[second] + (third === "age" ? ", oldest" : "")];
  if (STORES[first] && second in PARTS) return ["Stores", STORES[first] + (PARTS[second] ? `, ${PARTS[second]}` : "")];
  return ["Other", key];
}

/** Tell whether a check says what another one says beside it: that nothing waits. */
export const idle = (key, check) => key.endsWith(":age") && check.status === "pass" && !check.observedValue;

/** Return what a check saw, in words. */
export function seen(key, check) {
  const { observedValue: value, observedUnit: unit } = check;
  if (key.startsWith("workers:") && typeof value === "number") {
    const busy = check.threads ? `, ${check.busy} of ${check.threads} threads busy` : "";
    return `${value} ${value === 1 ? "process" : "processes"}${busy}`;
  }
  if (value === undefined || value === null) return check.status === "pass" ? "as they should be" : "";
  switch (unit) {
    case "ms":
      return `answers in ${duration(value)}`;
    case "s":
      return value ? duration(value * 1000) : "nothing waits";
    case "s_behind":
      return value < 1 ? "up to date" : `${duration(value * 1000)} behind`;
    case "ratio_used":
      return `${share(value)} used`;
    case "ratio_free":
      return `${share(value)} free`;
    case "ratio_hits":
      return share(value);
    case "waiting": {
      const waiting = value ? `${value.toLocaleString("en")} waiting` : "nothing waits";
      return check.dispatched ? `${waiting}, ${check.dispatched} under way` : waiting;
    }
    case "collections":
      return value === 1 ? "1 collection" : `${value} collections`;
    default:
      return unit && unit !== "count" ? `${value} ${unit}` : String(value);
  }
}
