// Ids that calls of this tab have answered, so that the next call need not be told.

const KEPT = "quern-api-ids";

/** Return what is kept: nothing where the browser was told to keep nothing. */
function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  } catch {
    return {};
  }
}

/** Return the last value of a parameter, undefined if none was seen. */
export const remembered = (name) => kept()[name];

/** Keep the ids of an answer under the names of the parameters that take them. */
export function remember(answer) {
  if (!answer || typeof answer !== "object") return;
  const { id, links, message_id: message } = answer;
  const seen = kept();
  if (links?.events && links?.self?.endsWith(id)) seen.job_id = id;
  if (String(id).startsWith("wh_")) seen.webhook_id = id;
  if (message) seen.message_id = message;
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(seen));
  } catch {
    // Ids are then typed by hand.
  }
}
