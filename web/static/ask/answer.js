// One question: its stages, its sources, its answer, as they arrive.

import { ApiProblem, at, call, parse } from "../shared/api.js";
import { duration, FINAL, find, make, say } from "../shared/dom.js";
import { markerButton } from "./marker.js";
import { closePassage } from "./passage.js";
import { drawEarlier, drawLater } from "./conversation.js";
import { conditions } from "./filter_words.js";
import { rendered } from "./rendered.js";
import { drawSources } from "./sources.js";
import { sinceThen } from "./since.js";
import { author, isWithheld, NOT_IN_DOCUMENTS, remarks, sureness } from "./verdict.js";

const MARKER = /\[(\d{1,3})\]/g;
const STAGE_WORDS = { retrieve: "Searching the documents", generate: "Writing the answer" };

let shown = null; // the job on the screen: { id, collection, sources, text, verdict, stream }

/** Show a question and follow its job until it has ended. */
export function showQuestion(job, { onEnd = () => {}, focus = true } = {}) {
  leaveQuestion();
  const mine = { id: job.id, collection: job.collection ?? "default", sources: [], text: "", verdict: null, stream: null };
  shown = mine;
  find("result").hidden = false;
  find("question").placeholder = "A new question";
  find("asked").textContent = job.request?.question ?? "";
  const filter = conditions(job.request?.filters);
  say(find("asked-of"), filter.length ? `Only documents where ${filter.join(" and ")}` : "");
  drawEarlier(job.request?.history, find("earlier"));
  find("answer-actions").hidden = true;
  find("follow").hidden = true;
  drawLater(job.id, find("later"));
  find("facts").textContent = "";
  say(find("sure"));
  say(find("notice"));
  say(find("since"));
  find("answer").replaceChildren();
  drawSources([], [], mine.collection);
  if (focus) find("asked").focus({ preventScroll: true });
  if (FINAL.has(job.state)) {
    finish(mine, job);
    sayWhatChanged(mine, job);
    return;
  }
  find("stop").hidden = false;
  find("answer").setAttribute("data-waiting", "");
  // A screen reader is told the answer once, whole, not again at every word.
  find("answer").setAttribute("aria-busy", "true");
  stage("queued", waiting(job));
  follow(mine, onEnd);
}

/** Forget the question on the screen; its job goes on. */
export function leaveQuestion() {
  shown?.stream?.close();
  shown = null;
  closePassage({ refocus: false });
  find("result").hidden = true;
  find("question").placeholder = "What would you like to know?";
}

/** Return the finished question on the screen, null where there is none. */
export const finishedQuestion = () => shown?.job ?? null;

export async function stopQuestion() {
  if (!shown) return;
  find("stop").hidden = true;
  try {
    await call("DELETE", `/api/jobs/${shown.id}`);
  } catch (problem) {
    say(find("notice"), problem.message);
  }
}

function waiting(job) {
  const place = job.queue?.position ?? 0;
  return place > 1 ? `Waiting, number ${place} in the queue` : "Waiting for a worker";
}

function stage(state, words) {
  const line = find("stage");
  line.dataset.state = state;
  line.replaceChildren(make("span", { className: "dot", "aria-hidden": "true" }), words);
}

function follow(mine, onEnd) {
  const stream = new EventSource(at(`/api/jobs/${mine.id}/events`));
  mine.stream = stream;
  const on = (name, act) =>
    stream.addEventListener(name, (event) => {
      if (shown === mine && typeof event.data === "string") act(parse(event.data) ?? {});
    });
  const over = async () => {
    stream.close();
    if (shown !== mine) return;
    await settle(mine);
    onEnd();
  };
  on("state", ({ state }) => state === "running" && stage("running", "Working"));
  on("stage", (data) => stage("running", STAGE_WORDS[data.stage] ?? "Working"));
  on("sources", async ({ sources }) => {
    mine.sources = sources ?? (await sourcesOf(mine));
    if (shown === mine) drawSources(mine.sources, [], mine.collection, { isWhole: false });
  });
  on("verdict", (verdict) => {
    mine.verdict = verdict;
    warn(mine);
  });
  on("token", ({ text }) => {
    mine.text += text ?? "";
    warn(mine);
    drawAnswer(worthReading(mine.text, mine.verdict) ? mine.text : "", mine, []);
  });
  on("reset", () => {
    mine.text = "";
    mine.verdict = null;
    say(find("notice"));
    drawAnswer("", mine, []);
  });
  on("done", over);
  on("error", over);
  stream.addEventListener("error", (event) => {
    if (typeof event.data === "string" || shown !== mine) return;
    // The browser reconnects by itself, unless the server has said that it is over or refused.
    if (stream.readyState === EventSource.CLOSED) over();
    else stage("running", "Connection lost, trying again");
  });
}

/** Say that what follows is no answer, before any of it is shown. */
function warn(mine) {
  if (!mine.verdict || mine.verdict.answered) return;
  const closest = Boolean(mine.text.trim()) && worthReading(mine.text, mine.verdict);
  say(find("notice"), remarks(mine.verdict, { closest }));
}

/** Tell whether a text says more than that there is no answer, which is said beside it. */
function worthReading(text, verdict) {
  return !verdict || verdict.answered || text.trim() !== NOT_IN_DOCUMENTS;
}

async function sourcesOf(mine) {
  const job = await call("GET", `/api/jobs/${mine.id}`);
  return job.result?.sources ?? job.sources ?? [];
}

/** Read the job until it is final: the truth, whatever the stream has or has not said. */
async function settle(mine) {
  while (shown === mine) {
    try {
      const job = await call("GET", `/api/jobs/${mine.id}?wait=10&html=true`);
      if (shown === mine && FINAL.has(job.state)) finish(mine, job);
      if (FINAL.has(job.state)) return;
    } catch (problem) {
      if (problem instanceof ApiProblem && [404, 410].includes(problem.status)) {
        end(mine, "failed", "Gone", problem.message);
        return;
      }
      stage("running", problem.message);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

function finish(mine, job) {
  const result = job.result;
  mine.job = job;
  find("answer-actions").hidden = false;
  find("copy").hidden = !result;
  find("follow").hidden = !result;
  find("job-link").href = at(`/jobs?job=${encodeURIComponent(job.id)}`);
  say(find("copied"));
  if (!result) {
    const words = {
      cancelled: ["Stopped", "This question was stopped before it was answered."],
      expired: ["Too late", "No answer came before the deadline. Ask again, or look at the health page."],
    };
    const [title, usual] = words[job.state] ?? ["Failed", "No answer came. Ask again."];
    const error = job.error ?? {};
    const told = [error.title, error.detail].filter(Boolean).join(": ");
    drawSources(job.sources ?? mine.sources, [], mine.collection);
    end(mine, job.state, title, job.state === "failed" ? told || usual : usual);
    return;
  }
  mine.sources = result.sources ?? [];
  // Each quote has a line of its own; line breaks of a document's layout mean nothing here.
  const whole =
    result.generator === "extractive"
      ? result.answer.replace(/\s+/g, " ").replace(/(\[\d+\]) (?=\S)/g, "$1\n")
      : result.answer;
  const text = worthReading(whole, result) ? whole : "";
  drawAnswer(text, mine, result.citations ?? [], text ? result.answer_html : null);
  drawSources(mine.sources, result.citations ?? [], mine.collection);
  const closest = Boolean(text.trim());
  end(mine, "succeeded", `Answered in ${duration(job.timings_ms?.total ?? 0)}, in ${mine.collection}`, remarks(result, { closest }));
  if (!result.answered) stage("partial", `Not answered, in ${mine.collection}`);
  else if (isWithheld(result)) stage("withheld", `Withheld, in ${mine.collection}`);
  say(find("sure"), sureness(result));
  find("facts").textContent = author(result);
}

/** Say that documents are others now than when they were quoted. */
async function sayWhatChanged(mine, job) {
  const words = job.result ? await sinceThen(job.result, mine.collection) : "";
  if (shown === mine) say(find("since"), words);
}

function end(mine, state, title, notice) {
  mine.stream?.close();
  find("stop").hidden = true;
  find("answer").removeAttribute("data-waiting");
  find("answer").removeAttribute("aria-busy");
  find("notice").dataset.kind = ["failed", "expired"].includes(state) ? "bad" : "";
  stage(state, title);
  say(find("notice"), notice);
}

/** Show an answer's text, or *html*, which is the same as the server has rendered and sanitised it. */
function drawAnswer(text, mine, citations, html = null) {
  const seen = new Map();
  const withMarkers = (part) => {
    const pieces = [];
    let at = 0;
    for (const match of part.matchAll(MARKER)) {
      const number = Number(match[1]);
      const source = mine.sources[number - 1];
      if (!source) continue;
      pieces.push(part.slice(at, match.index).replace(/[ \t]+$/, "\u202f"));
      const nth = seen.get(number) ?? 0;
      seen.set(number, nth + 1);
      pieces.push(markerButton(number, source, mine.collection, () => quotesOf(citations, number, nth, text)));
      at = match.index + match[0].length;
    }
    return [...pieces, part.slice(at)];
  };
  find("answer").classList.toggle("rendered", Boolean(html));
  find("answer").replaceChildren(...(html ? rendered(html, withMarkers) : withMarkers(text)));
}

/** Return the quotes of one marker: its own where they can be told apart, else all of its source. */
function quotesOf(citations, number, nth, text) {
  const own = citations.filter((citation) => citation.marker === number);
  const times = [...text.matchAll(MARKER)].filter((match) => Number(match[1]) === number).length;
  return own.length === times ? [own[nth]] : own;
}
