// A table of a list that is read page by page: a body for each page, and more where its end is near.

import { find, make, tried } from "./dom.js";

const NEAR_PX = 600;

/**
 * Shows a `PagedList` in the elements `NAME`, `NAME-more`, `NAME-empty` and `NAME-problem`.
 *
 * *fill* draws entries into a body, and returns whether it did.
 */
export class PagedTable {
  constructor(name, list, fill) {
    this.name = name;
    this.list = list;
    this.fill = fill;
    this.bodies = new Map(); // page → { body, entries }: what is drawn
    this.reading = false;
    this.more = find(`${name}-more`);
    this.more.addEventListener("click", () => this.readMore());
    new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.readMore(), { rootMargin: `${NEAR_PX}px` }).observe(this.more);
  }

  bodyOf(page) {
    return this.bodies.get(page)?.body;
  }

  /** Return the pages in sight; the first while nothing is drawn. */
  get inSight() {
    return this.list.pages.filter((page, at) => {
      const body = this.bodyOf(page);
      if (!body) return at === 0;
      const { top, bottom } = body.getBoundingClientRect();
      return bottom >= 0 && top <= innerHeight;
    });
  }

  /** Read the page below those that are shown, and on as long as pages are empty. */
  async readMore() {
    if (this.reading || this.list.next === null) return;
    this.reading = true;
    this.more.disabled = true;
    const went = await tried(`${this.name}-problem`, () => this.list.readMore());
    if (went) this.draw();
    this.more.disabled = false;
    this.reading = false;
    // The observer tells of changes only: what still is in sight is asked for here.
    const isNear = this.more.getBoundingClientRect().top < innerHeight + NEAR_PX;
    if (went && isNear && !document.hidden && !this.list.pages.at(-1)?.entries.length) await this.readMore();
  }

  /** Draw the pages that have changed, and those with an entry of which *anew* returns true. */
  draw({ anew = null } = {}) {
    const { pages, next } = this.list;
    const table = find(this.name);
    const isEmpty = !pages.some((page) => page.entries.length);
    table.hidden = isEmpty;
    // A page may be empty and not be the last, where what is looked for is rare.
    find(`${this.name}-empty`).hidden = !isEmpty || next !== null;
    this.more.hidden = next === null;
    for (const [page, { body }] of this.bodies) {
      if (pages.includes(page)) continue;
      body.remove();
      this.bodies.delete(page);
    }
    let before = table.tHead;
    for (const page of pages) {
      const drawn = this.bodies.get(page) ?? { body: make("tbody", { role: "rowgroup" }), entries: null };
      if (drawn.entries !== page.entries || (anew && page.entries.some(anew))) {
        this.bodies.set(page, { body: drawn.body, entries: this.fill(drawn.body, page.entries) ? page.entries : null });
      }
      if (before.nextElementSibling !== drawn.body) before.after(drawn.body);
      before = drawn.body;
    }
  }
}
