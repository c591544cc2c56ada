// The recent jobs below the question.

import { call } from "../shared/api.js";
import { FINAL, find, say } from "../shared/dom.js";
import { drawRows } from "../jobs/job_rows.js";

const SHOWN = 12;
const BUSY_MS = 1500;
const CALM_MS = 10_000;

let timer = 0;
let open = null;

/** Say which job is on the screen, so that its row stands out. */
export function markJob(id) {
  open = id;
  refreshJobs();
}

/** Read the jobs again, and then every now and then: often while something runs. */
export async function refreshJobs() {
  clearTimeout(timer);
  let busy = false;
  if (!document.hidden) {
    try {
      const { jobs } = await call("GET", `/api/jobs?limit=${SHOWN}`);
      find("jobs").hidden = !jobs.length;
      find("jobs-empty").hidden = jobs.length > 0;
      drawRows(find("jobs").tBodies[0], jobs, { open, problem: "jobs-problem", done: refreshJobs });
      busy = jobs.some((job) => !FINAL.has(job.state));
      say(find("jobs-problem"));
    } catch (problem) {
      say(find("jobs-problem"), problem.message);
    }
  }
  clearTimeout(timer);
  timer = setTimeout(refreshJobs, busy ? BUSY_MS : CALM_MS);
}
