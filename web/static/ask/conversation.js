// What was asked before and after a question: the turns that a follow-up goes with.

import { at } from "../shared/api.js";
import { make } from "../shared/dom.js";

const MOST_TURNS = 20;
const MOST_BYTES = 60_000;
const KEPT = "quern-followed";
const MOST_KEPT = 200; // questions of which the next are known

/** Return the turns that a follow-up on *job* goes with, as the API takes them: oldest first, { role, text }. */
export function turnsAfter(job) {
  const turns = [...(job.request?.history ?? []), { role: "user", text: job.request?.question ?? "" }];
  if (job.result?.answered) turns.push({ role: "assistant", text: job.result.answer });
  return fitting(turns.filter((turn) => turn.text.trim()));
}

/** Show the turns that a question came after, in the list *asked*. */
export function drawEarlier(history, asked) {
  asked.hidden = !history?.length;
  asked.replaceChildren(
    ...(history ?? []).map((turn) => {
      const item = make("li", {}, make("span", { className: "hidden" }, turn.role === "user" ? "You asked: " : "Answer: "), turn.text);
      item.dataset.role = turn.role;
      return item;
    }),
  );
}

/** Keep in this browser that *question* followed the job *before*: the later job says only what was said, not in which job. */
export function keepLater(before, id, question) {
  const others = followed().filter(([one]) => one !== before);
  const known = followed().find(([one]) => one === before)?.[1] ?? [];
  try {
    localStorage.setItem(KEPT, JSON.stringify([...others, [before, [...known, [id, question.slice(0, 200)]]]].slice(-MOST_KEPT)));
  } catch {
    // What came after is then found among the jobs.
  }
}

/** Show what was asked after the job *id*, as far as this browser knows, in *line*. */
export function drawLater(id, line) {
  const known = followed().find(([one]) => one === id)?.[1] ?? [];
  line.hidden = !known.length;
  const links = known.map(([job, question]) => make("a", { href: at(`/?${new URLSearchParams({ job })}`) }, question));
  line.replaceChildren("Asked after this: ", ...links.flatMap((link, n) => (n ? [", ", link] : [link])));
}

function followed() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "[]");
  } catch {
    return [];
  }
}

/** Keep the latest turns that the API takes. */
function fitting(turns) {
  let kept = turns.slice(-MOST_TURNS);
  const size = (some) => some.reduce((sum, turn) => sum + new TextEncoder().encode(turn.text).length, 0);
  while (kept.length && size(kept) > MOST_BYTES) kept = kept.slice(1);
  return kept;
}
