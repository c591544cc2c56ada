// The view of health: whether all is well, what needs a look, and every check in words.

import { find, make, say } from "../shared/dom.js";
import { watchHealth } from "../shared/health_light.js";
import { GROUPS, idle, named, seen } from "./check_words.js";
import { watchHistory } from "./history.js";

const LOOK_MS = 5000;
const OVERALL = { pass: "All is well.", warn: "It works; something needs a look.", fail: "Something does not work." };
const WORST = ["fail", "warn", "pass"];

function show(told) {
  say(find("status-problem"), told ? "" : "Quern cannot be reached. Is it still running?");
  if (told) {
    draw(told);
    return;
  }
  find("overall").dataset.status = "fail";
  find("overall-words").textContent = "Not reachable.";
}

function draw({ status, output, checks = {} }) {
  const every = Object.entries(checks).flatMap(([key, list]) => list.map((check) => ({ key, check })));
  const all = every.filter(({ key, check }) => !idle(key, check));
  find("overall").dataset.status = status;
  find("overall-words").textContent = output === "starting" ? "Starting; give it some seconds." : (OVERALL[status] ?? status);
  const concerns = all.filter(({ check }) => check.status !== "pass");
  concerns.sort((a, b) => WORST.indexOf(a.check.status) - WORST.indexOf(b.check.status));
  find("concerns").replaceChildren(...concerns.map(concern));
  const groups = GROUPS.map((group) => [group, all.filter(({ key }) => named(key)[0] === group)]).filter(([, of]) => of.length);
  find("checks").replaceChildren(...groups.map(([group, of]) => table(group, of)));
}

function concern({ key, check }) {
  const item = make(
    "li",
    {},
    make("span", { className: "dot", "aria-hidden": "true" }),
    make("strong", {}, named(key)[1]),
    ` ${[check.output, seen(key, check)].filter(Boolean).join("; ")}`,
  );
  item.dataset.status = check.status;
  return item;
}

function table(group, checks) {
  const rows = checks.map(({ key, check }) => {
    const state = make("td", { className: "state" }, make("span", { className: "dot", "aria-hidden": "true" }), make("span", { className: "hidden" }, { pass: "good", warn: "look", fail: "bad" }[check.status] ?? check.status));
    state.dataset.status = check.status;
    return make("tr", {}, state, make("th", { scope: "row" }, named(key)[1]), make("td", {}, seen(key, check)));
  });
  return make("section", { className: "check-group" }, make("h2", {}, group), make("table", {}, make("tbody", {}, ...rows)));
}

watchHistory();
watchHealth({ everyMs: LOOK_MS, onLook: show });
