// A list that is read page by page, and of which the first page and those in sight are read again.

const MOST = 20_000; // entries kept: the last pages go, and are read again where somebody goes there

/**
 * The pages of a list, each { cursor, entries }, in the list's order.
 *
 * *read* returns the page at a cursor, empty for the first, as { entries, next }; entries have an
 * id. Where the list grows at its beginning, *isOlder* tells whether an entry comes after another.
 */
export class PagedList {
  constructor({ read, page, isOlder = () => false }) {
    this.read = read;
    this.page = page;
    this.isOlder = isOlder;
    this.pages = [];
    this.next = null;
    this.turn = 0;
    this.isRead = false;
  }

  get entries() {
    return this.pages.flatMap((page) => page.entries);
  }

  /** Forget everything: what is on its way is for another filter. */
  reset() {
    this.turn += 1;
    this.pages = [];
    this.next = null;
    this.isRead = false;
  }

  /** Read the first page again; returns whether the list is still the same one. */
  async readFirst() {
    const mine = this.turn;
    const { entries, next } = await this.read("");
    if (this.turn !== mine) return false;
    this.isRead = true;
    const first = this.pages[0] ?? { cursor: "" };
    const before = first.entries;
    first.entries = entries;
    if (next !== null && this.pages.length > 1) {
      this.#moveDown(before, next);
    } else {
      this.pages = [first];
      this.next = next;
    }
    return true;
  }

  /** Keep what the new first page has pushed out of it, as long as nothing lies between. */
  #moveDown(before, cursor) {
    const first = this.pages[0].entries;
    const fresh = new Set(first.map((entry) => entry.id));
    if (!before.some((entry) => fresh.has(entry.id))) {
      this.pages.length = 1;
      this.next = cursor;
      return;
    }
    const pushed = before.filter((entry) => !fresh.has(entry.id) && this.isOlder(entry, first.at(-1)));
    if (!pushed.length) return;
    const [, second] = this.pages;
    if (second.entries.length + pushed.length <= this.page) {
      Object.assign(second, { cursor, entries: [...pushed, ...second.entries] });
    } else {
      this.pages.splice(1, 0, { cursor, entries: pushed });
    }
    while (this.pages.length > 2 && this.entries.length > MOST) this.next = this.pages.pop().cursor;
  }

  /** Read a page again that was read before. */
  async readAgain(page) {
    const mine = this.turn;
    const { entries, next } = await this.read(page.cursor);
    const at = this.pages.indexOf(page);
    if (this.turn !== mine || at < 0) return;
    const others = new Set(this.pages.filter((one) => one !== page).flatMap((one) => one.entries.map((entry) => entry.id)));
    page.entries = entries.filter((entry) => !others.has(entry.id));
    if (page === this.pages.at(-1)) this.next = next;
  }

  /** Read the page below the last. */
  async readMore() {
    const mine = this.turn;
    const cursor = this.next;
    if (cursor === null) return;
    const { entries, next } = await this.read(cursor);
    if (this.turn !== mine || this.next !== cursor) return;
    const known = new Set(this.entries.map((entry) => entry.id));
    this.pages.push({ cursor, entries: entries.filter((entry) => !known.has(entry.id)) });
    this.next = next;
  }
}
