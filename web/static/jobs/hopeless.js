// What failed and would fail again: the same bytes are no other file.

const REASONS = new Set(["binary", "corrupt", "encrypted", "no_text", "too_large", "too_much_text", "unsafe", "unsupported"]);

const MEND = "Mend the file and add it again.";

/** Return whether a row of an ingest failed for what is in its file. */
export const isHopeless = (row) => row.state === "failed" && REASONS.has(row.error?.type);

/** Return why a row failed, and what to do where a retry is of no use. */
export function whyFailed(row) {
  const why = row.error?.detail ?? row.error?.title ?? "";
  return isHopeless(row) || row.outcome === "empty" ? [why, MEND].filter(Boolean).join(" ") : why;
}
