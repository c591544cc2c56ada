// How many questions of a list were answered, told above their table.

import { call } from "../shared/api.js";
import { find, say } from "../shared/dom.js";

const PAGE = 200;
const MOST = 2_000; // rows that are looked at

/** Count the questions of a list that has ended, and say so. */
export async function countQuestions(job) {
  const told = { answered: 0, unanswered: 0, failed: 0 };
  let read = 0;
  for (let cursor = ""; read < MOST && cursor !== null; ) {
    const asked = new URLSearchParams({ limit: PAGE, ...(cursor && { cursor }) });
    const page = await call("GET", `/api/jobs/${encodeURIComponent(job.id)}/questions?${asked}`);
    for (const row of page.questions) told[fateOf(row)] += 1;
    read += page.questions.length;
    cursor = page.next_cursor;
  }
  const part = read < (job.progress?.total ?? 0) ? `Of the first ${read.toLocaleString("en")}: ` : "";
  const failed = told.failed ? `, ${told.failed.toLocaleString("en")} failed` : "";
  say(find("rows-count"), `${part}${told.answered.toLocaleString("en")} answered, ${told.unanswered.toLocaleString("en")} not${failed}`);
}

/** Return what became of a question that has ended. */
export function fateOf(row) {
  if (row.state !== "succeeded") return "failed";
  return row.answered === false ? "unanswered" : "answered";
}
