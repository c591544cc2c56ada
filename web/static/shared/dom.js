// Building and finding elements. Text from outside becomes text nodes, never markup.

import { now } from "./clock.js";

export const find = (id) => document.getElementById(id);

/** Make an element: properties that exist are set, the rest become attributes; null is left out. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Show a line of text, or hide the element where there is none. */
export function say(element, text = "") {
  element.textContent = text;
  element.hidden = !text;
}

export function duration(ms) {
  if (ms === null || ms === undefined) return "";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

export function age(since) {
  const seconds = Math.max(0, (now() - Date.parse(since)) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

export function bytes(n) {
  if (n < 1000) return count(n, "byte");
  return n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;
}

export const FINAL = new Set(["succeeded", "partial", "failed", "cancelled", "expired"]);

export const STATE_WORDS = {
  queued: "waiting",
  running: "running",
  succeeded: "done",
  partial: "partly done",
  failed: "failed",
  cancelled: "cancelled",
  expired: "too late",
};

/** Do something; its failure is said in the element *id*. Returns whether it succeeded. */
export async function tried(id, act) {
  try {
    await act();
    return true;
  } catch (problem) {
    say(find(id), problem.message);
    return false;
  }
}

/** Draw *body* anew with *children*; the focus stays on what has the same key. */
export function redraw(body, children) {
  // A click ends on what it began on, or nowhere: what is pressed stays until the next time.
  if (body.matches(":active")) return;
  const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  body.replaceChildren(...children);
  if (focused) body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

/** Make the terms of a list, each [name, value]; one without a value is left out. */
export const terms = (pairs) =>
  pairs.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value instanceof Node ? value : String(value))]);

/** Let Escape do *act*, unless it closes a dialog. */
export function onEscape(act) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) act();
  });
}

/** Return the page on which a passage begins: `page iv`, `sheet Prices`, or nothing. */
export function pageOf(source) {
  const called = source.page_label || source.page;
  return called ? `${source.page_kind || "page"} ${called}` : "";
}
