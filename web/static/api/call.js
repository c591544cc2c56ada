// One call of the API: its lines are copied, and the call can be made.

import { call } from "../shared/api.js";
import { find, say, tried } from "../shared/dom.js";
import { openNamed, prepareContents } from "./contents.js";
import { drawInputs } from "./inputs.js";
import { prepareSending } from "./sending.js";

const SAID_MS = 2_000;

function prepareCopying() {
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}

async function copy(button) {
  const code = button.closest("figure").querySelector("code");
  button.textContent = (await copied(code)) ? "Copied" : "Press Ctrl+C";
  setTimeout(() => (button.textContent = "Copy"), SAID_MS);
}

/** Copy an element's text; selects it, for people to copy, where the browser does not let us. */
async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    // Without HTTPS there is no clipboard, except on this very machine.
    getSelection().selectAllChildren(code);
    return document.execCommand("copy");
  }
}

/** Return what the description has of this page's call. */
async function described() {
  const { paths, components } = await call("GET", "/api/openapi.json");
  const name = find("call").dataset.call;
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.operationId === name) return { path, method, operation, schemas: components.schemas };
    }
  }
  throw new Error("This call is not described any more; load the page again.");
}

/** Show the form once it can be sent: before, a browser would send it by itself. */
async function open() {
  say(find("try-problem"));
  const ready = await tried("try-problem", async () => {
    const told = await described();
    drawInputs(told);
    prepareSending(told);
  });
  if (!ready) return;
  find("try").hidden = true;
  find("trial").hidden = false;
  (find("inputs").querySelector("input, select, textarea") ?? find("send")).focus();
}

prepareContents();
openNamed();
prepareCopying();
find("try").hidden = false;
find("try").addEventListener("click", async ({ currentTarget: button }) => {
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  await open();
  button.removeAttribute("aria-busy");
});
