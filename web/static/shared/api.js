// Calls to Quern's own API; every failure becomes a sentence for people.

import { hearTime } from "./clock.js";

export class ApiProblem extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** Where Quern lies on its host, with a final slash: a proxy may serve it below a path of its own. */
const ROOT = new URL("../../", import.meta.url).pathname;

/** Read a path of ours as an address of this host. */
export const at = (path) => ROOT + path.replace(/^\//, "");

/**
 * Call the API and return its JSON; a busy server is asked again twice before that is an error.
 *
 * *body* is sent as JSON, a form as itself.
 */
export async function call(method, path, body, { tries = 3 } = {}) {
  const options = { method, headers: { Accept: "application/json" } };
  if (body instanceof FormData) {
    options.body = body;
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(at(path), options);
  } catch {
    throw new ApiProblem("Quern cannot be reached. Is it still running?");
  }
  hearTime(response.headers);
  if (response.status === 429 && tries > 1) {
    const seconds = Math.min(Number(response.headers.get("Retry-After")) || 1, 10);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return call(method, path, body, { tries: tries - 1 });
  }
  if (response.status === 401) logIn();
  const answer = parse(await response.text());
  if (!response.ok) throw new ApiProblem(inWords(answer, response.status), response.status);
  return answer;
}

/** Lead to the login, and back to this view from there: the session has ended. */
export function logIn() {
  const here = location.pathname.slice(ROOT.length - 1) + location.search;
  location.assign(at(`/login?${new URLSearchParams({ next: here })}`));
}

export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Say what problem details (RFC 9457) mean: the fields that are wrong, else the detail. */
export function inWords(problem, status) {
  if (!problem || typeof problem !== "object") return `The server answered with status ${status}.`;
  const fields = (problem.errors ?? []).map((error) => `${error.field}: ${error.message}`);
  return fields.join("\n") || problem.detail || problem.title || "Something went wrong.";
}

/** Return a document's path in the API; ids may hold slashes, which stay as they are. */
export function documentPath(collection, documentId) {
  const id = documentId.split("/").map(encodeURIComponent).join("/");
  return `/api/collections/${encodeURIComponent(collection)}/documents/${id}`;
}
