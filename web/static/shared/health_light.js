// The light at the top of every view: whether the service is well, in a word.

import { at } from "./api.js";
import { find } from "./dom.js";

const HEALTH_MS = 15_000;
const HEALTH_WORDS = { pass: "All well", warn: "Something needs a look", fail: "Not well" };

/** Look at the health of the service now, and then every now and then. */
export async function watchHealth() {
  if (!document.hidden) {
    let status = "fail";
    let words = "Not reachable";
    try {
      // A failing system answers 503 with the same body, so the status code says nothing here.
      const seen = await (await fetch(at("/health"), { headers: { Accept: "application/json" } })).json();
      status = seen.status;
      words = seen.output === "starting" ? "Starting" : (HEALTH_WORDS[status] ?? status);
    } catch (problem) {
      if (!(problem instanceof TypeError) && !(problem instanceof SyntaxError)) throw problem;
    }
    find("health").dataset.status = status;
    find("health-text").textContent = words;
  }
  setTimeout(watchHealth, HEALTH_MS);
}
