// What the pages of the API share: the search among the calls, the address they are served at.

import { at } from "../shared/api.js";
import { count, find } from "../shared/dom.js";
import { watchHealth } from "../shared/health_light.js";

/** Make the list of calls searchable, and show the address that this page was called by. */
export function prepareContents() {
  find("find-form").hidden = false;
  find("find").addEventListener("input", search);
  find("find-form").addEventListener("submit", (event) => {
    event.preventDefault();
    matches().at(0)?.click();
  });
  showAddress();
  showCurrent();
  watchHealth();
}

/** Scroll the list to the call that this page is about. */
function showCurrent() {
  const list = document.querySelector(".toc");
  const current = list.querySelector("[aria-current]");
  if (current) list.scrollTop = current.offsetTop - list.clientHeight / 2;
}

/** Open what the address names, now and whenever that changes. */
export function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named instanceof HTMLDetailsElement) {
    named.open = true;
    named.scrollIntoView();
  }
  window.addEventListener("hashchange", openNamed, { once: true });
}

const links = () => [...document.querySelectorAll(".toc [data-find]")];
const matches = () => links().filter((link) => !link.parentElement.hidden);

/** Hide the calls that lack one of the words; a group without any goes too. */
function search() {
  const words = find("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const link of links()) {
    const about = `${link.dataset.find} ${link.textContent}`.toLowerCase();
    link.parentElement.hidden = !words.every((word) => about.includes(word));
  }
  for (const group of document.querySelectorAll(".toc > ol > li")) {
    group.hidden = words.length > 0 && !group.querySelector("li:not([hidden])");
  }
  document.querySelector(".toc").toggleAttribute("data-finding", words.length > 0);
  find("found").textContent = words.length ? count(matches().length, "call") : "";
}

/** The server knows its address only where the proxies in front of it tell: the browser does. */
function showAddress() {
  const told = document.querySelector(".docs").dataset.base;
  const real = location.origin + at("/").replace(/\/$/, "");
  if (told === real) return;
  for (const code of document.querySelectorAll(".base, .curl")) {
    code.textContent = code.textContent.replaceAll(told, real);
  }
}
