// The collection that was chosen last in this browser.

const KEPT = "quern-collection";

/** Return its name, null where none was chosen or the browser keeps nothing. */
export function remembered() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

/** Keep a name for the next view; null forgets it. */
export function remember(name) {
  try {
    if (name === null) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, name);
  } catch {
    // It is then chosen anew in each view.
  }
}
