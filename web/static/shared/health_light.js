// The light at the top of every view: whether the service is well, in a word.

import { at } from "./api.js";
import { find } from "./dom.js";

const HEALTH_MS = 15_000;
const HEALTH_WORDS = { pass: "All well", warn: "Something needs a look", fail: "Not well" };

/**
 * Look at the health of the service now, and then every now and then.
 *
 * *onLook* is told what /health says, null where nothing answers.
 */
export async function watchHealth({ everyMs = HEALTH_MS, onLook = () => {} } = {}) {
  if (!document.hidden) {
    const told = await health();
    find("health").dataset.status = told?.status ?? "fail";
    find("health-text").textContent = told ? inAWord(told) : "Not reachable";
    onLook(told);
  }
  setTimeout(() => watchHealth({ everyMs, onLook }), everyMs);
}

async function health() {
  try {
    // A failing system answers 503 with the same body, so the status code says nothing here.
    return await (await fetch(at("/health"), { headers: { Accept: "application/json" } })).json();
  } catch (problem) {
    if (!(problem instanceof TypeError) && !(problem instanceof SyntaxError)) throw problem;
    return null;
  }
}

const inAWord = ({ status, output }) => (output === "starting" ? "Starting" : (HEALTH_WORDS[status] ?? status));
