// What was dropped: files, and folders with all below them but what programs leave there.

/**
 * Return { files, leftOut } of a drop: each file as { file, name }, named after its path below the
 * folder that was dropped, and the names of what no person made.
 *
 * A file that was dropped itself is taken whatever it is called, as by the command. Of a folder no
 * more than one file beyond *most* is looked for.
 */
export async function dropped(transfer, most) {
  // The entries must be asked for before anything is waited for: the browser forgets the drop.
  const items = [...(transfer.items ?? [])].filter((item) => item.kind === "file");
  const given = items.map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  if (!given.length) given.push(...[...transfer.files].map((file) => ({ file })));
  const found = { files: [], leftOut: [] };
  for (const { entry, file } of given) {
    if (entry?.isDirectory) await walk(entry, found, most);
    else if (file) found.files.push({ file, name: file.name });
  }
  return found;
}

/** Return { files, leftOut } of files that were chosen one by one: each is taken. */
export const chosen = (files) => ({ files: files.map((file) => ({ file, name: file.name })), leftOut: [] });

/** Return { files, leftOut } of a folder that was chosen, as `dropped` does of one that was dropped. */
export function ofFolder(files, most) {
  const { isFile, isFolder } = leftovers();
  const found = { files: [], leftOut: [] };
  const paths = files.map((file) => ({ file, parts: file.webkitRelativePath.split("/").slice(1) }));
  for (const { file, parts } of paths) {
    if (parts.some((part) => part.startsWith("."))) continue; // hidden
    const left = parts.find((part, at) => (at < parts.length - 1 ? isFolder(part) : isFile(part)));
    if (left !== undefined) found.leftOut.push(left);
    else if (found.files.length <= most) found.files.push({ file, name: parts.join("/") });
  }
  found.files.sort((a, b) => (a.name < b.name ? -1 : 1));
  found.leftOut = [...new Set(found.leftOut)].sort();
  return found;
}

/** Collect the files below a folder, in the order of their names. */
async function walk(folder, found, most) {
  const { isFile, isFolder } = leftovers();
  const waiting = [{ entry: folder, path: "" }];
  while (waiting.length && found.files.length <= most) {
    const { entry, path } = waiting.pop();
    if (entry.isDirectory) {
      const inside = await entries(entry, most);
      inside.sort((a, b) => (a.name < b.name ? 1 : -1)); // the last is taken first
      for (const one of inside) {
        if (one.name.startsWith(".")) continue; // hidden
        if (one.isDirectory ? isFolder(one.name) : isFile(one.name)) found.leftOut.push(one.name);
        else waiting.push({ entry: one, path: path ? `${path}/${one.name}` : one.name });
      }
    } else {
      const file = await new Promise((done) => entry.file(done, () => done(null)));
      if (file) found.files.push({ file, name: path });
    }
  }
  found.leftOut.sort();
}

/** Read a folder, which comes in parts; what cannot be read is empty. */
async function entries(folder, most) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const part = await new Promise((done) => reader.readEntries(done, () => done([])));
    if (!part.length || all.length > 10 * most) return all;
    all.push(...part);
  }
}

/** Return what tells names of leftovers; the server gives their patterns. */
function leftovers() {
  const patterns = JSON.parse(document.body.dataset.leftovers);
  const anyOf = (all) => new RegExp(`^(?:${all.map(translated).join("|")})$`, "isu");
  const files = anyOf(patterns.files);
  const folders = anyOf(patterns.folders);
  return { isFile: (name) => files.test(name), isFolder: (name) => folders.test(name) };
}

/** Return a pattern of a shell as a regular expression. */
function translated(pattern) {
  const parts = pattern.match(/\[[^\]]+\]|\*|\?|[^[*?]+|\[/gu) ?? [];
  const signs = { "*": ".*", "?": "." };
  return parts
    .map((part) => signs[part] ?? (part.length > 1 && part.startsWith("[") ? part : part.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&")))
    .join("");
}
