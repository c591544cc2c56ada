// What a call was answered: status, headers and body; events as they come.

import { at, parse } from "../shared/api.js";
import { bytes, duration, find, make } from "../shared/dom.js";
import { remember } from "./memory.js";

/** So many characters of a body are shown; a page must not choke on what it asked for. */
const MOST = 200_000;
const STREAM = "text/event-stream";

const say = (words, isBad = false) => {
  find("trial-status").textContent = words;
  find("trial-status").toggleAttribute("data-bad", isBad);
};

/** Say that an answer is waited for. */
export function showWaiting() {
  find("outcome").replaceChildren();
  say("Sending\u2026");
}

/** Show an answer whose status came after *ms*; returns when its body has come, too. */
export async function show(answer, ms) {
  const { status, statusText, headers, ok } = answer;
  const lines = [...headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  const shown = make("details", {}, make("summary", {}, "Headers"), box("Headers of the answer", lines));
  find("outcome").replaceChildren(shown);
  const words = statusText === "OK" ? "OK" : statusText.toLowerCase().replace(/\b\w/g, (letter) => letter.toUpperCase());
  say(`${status} ${words} \u00b7 ${duration(ms)}`, !ok);
  const type = (headers.get("Content-Type") ?? "").split(";")[0];
  if (type === STREAM) await showStream(answer);
  else if (headers.get("Content-Disposition")) await showFile(answer);
  else showText(await answer.text(), type);
}

/** Say why there is no answer, or that people stopped it; what came stays. */
export function showFailure(problem) {
  if (problem.name === "AbortError") say("Stopped.");
  else say("The call was not answered to its end: Quern cannot be reached, or the connection broke.", true);
}

/** Make a box of text that scrolls, by keyboard too. */
const box = (label, ...text) => make("pre", { tabIndex: 0, role: "region", ariaLabel: label }, make("code", {}, ...text));

/** Split written JSON where it names paths of ours, each of which becomes a link. */
const linked = (written) =>
  written.split(/(?<=")(\/api\/[^"\s\\]*)(?=")/).map((part, n) => (n % 2 ? make("a", { href: at(part), target: "_blank" }, part) : part));

function showText(text, type) {
  if (!text) {
    find("outcome").append(make("p", { className: "quiet" }, "The answer has no body."));
    return;
  }
  const value = type.endsWith("json") ? parse(text) : null;
  remember(value);
  const written = value === null ? text : JSON.stringify(value, null, 2);
  const cut = written.length > MOST;
  find("outcome").append(box("Body of the answer", ...linked(cut ? written.slice(0, MOST) : written)));
  if (cut) find("outcome").append(make("p", { className: "quiet" }, `The first ${bytes(MOST)} of ${bytes(written.length)} are shown.`));
}

async function showFile(answer) {
  const name = /filename\*?="?(?:UTF-8'')?([^";]+)/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "file";
  const file = await answer.blob();
  const link = make("a", { href: URL.createObjectURL(file), download: decodeURIComponent(name) });
  link.textContent = `Save ${decodeURIComponent(name)} (${bytes(file.size)})`;
  find("outcome").append(make("p", {}, link));
}

/** Show a stream as it comes; of a long one the last part. */
async function showStream(answer) {
  const body = box("Events");
  const code = body.firstChild;
  find("outcome").append(body);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    code.textContent = (code.textContent + part.value).slice(-MOST);
    body.scrollTop = body.scrollHeight;
  }
  say(`${find("trial-status").textContent} \u00b7 the stream has ended`);
}
