// What was asked before: the turns that a follow-up question goes with.

import { find, make } from "../shared/dom.js";

const MOST_TURNS = 20;
const MOST_BYTES = 60_000;

let before = []; // turns as the API takes them, oldest first: { role, text }

/** Follow up on a question that was answered, which itself may follow others. */
export function followUp(job) {
  const turns = [...(job.request?.history ?? []), { role: "user", text: job.request?.question ?? "" }];
  if (job.result?.answered) turns.push({ role: "assistant", text: job.result.answer });
  before = fitting(turns.filter((turn) => turn.text.trim()));
  draw();
}

/** Begin a conversation anew. */
export function beginAnew() {
  before = [];
  draw();
}

/** Return the turns that go with the next question. */
export const turns = () => before;

/** Show the turns that a question came after, with *asked* the list they are shown in. */
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

function draw() {
  const last = before.findLast((turn) => turn.role === "user");
  find("follows").hidden = !last;
  find("follows-words").textContent = last ? `Follows “${last.text}”` : "";
}

/** Keep the latest turns that the API takes. */
function fitting(turns) {
  let kept = turns.slice(-MOST_TURNS);
  const size = (some) => some.reduce((sum, turn) => sum + new TextEncoder().encode(turn.text).length, 0);
  while (kept.length && size(kept) > MOST_BYTES) kept = kept.slice(1);
  return kept;
}

