// Making a call from the page: asked first where something is lost, stopped where it goes on.

import { at } from "../shared/api.js";
import { find, say } from "../shared/dom.js";
import { written } from "./inputs.js";
import { show, showFailure, showWaiting } from "./outcome.js";

let stopping = null;

/** Let the form make the call that is *told*. */
export function prepareSending(told) {
  const form = find("trial");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(told);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  find("stop").addEventListener("click", () => stopping?.abort());
}

async function send({ path, method, operation }) {
  if (stopping) return;
  say(find("trial-problem"));
  let call;
  try {
    call = written(path);
  } catch (problem) {
    say(find("trial-problem"), problem.message);
    return;
  }
  const verb = method.toUpperCase();
  if (operation["x-confirm"] && !(await confirmed(operation["x-confirm"], `${verb} ${call.path}`))) return;
  stopping = new AbortController();
  find("stop").hidden = false;
  showWaiting();
  const began = performance.now();
  try {
    const headers = call.type ? { ...call.headers, "Content-Type": call.type } : call.headers;
    const answer = await fetch(at(call.path), { method: verb, headers, body: call.body, signal: stopping.signal, cache: "no-store" });
    await show(answer, performance.now() - began);
  } catch (problem) {
    showFailure(problem);
  } finally {
    stopping = null;
    find("stop").hidden = true;
  }
}

/** Ask whether a call is to be made; the focus comes back to where it was. */
function confirmed(what, call) {
  const dialog = find("confirm");
  find("confirm-what").textContent = what;
  find("confirm-call").textContent = call;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
