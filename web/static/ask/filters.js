// Conditions on documents as people write them, read as the command `quern` reads them.

const CONDITION = /^\s*([^\s=!<>][^=!<>]*?)\s*(!=|>=|<=|=|<|>)(.*)$/s;
const ORDERS = { ">": "gt", ">=": "gte", "<": "lt", "<=": "lte" };
const PLAIN = /^-?[0-9]+(\.[0-9]+)?$/;
const NUMBER = /^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$/;

/** Return the API's filter of conditions, one a line; undefined where there is none. Throws on what is none. */
export function readFilters(text) {
  const read = text.split("\n").filter((line) => line.trim()).map(readCondition);
  if (read.length > 1) return { and: read };
  return read[0];
}

function readCondition(line) {
  if (line.trimStart().startsWith("{")) {
    try {
      return JSON.parse(line);
    } catch {
      throw new Error(`“${line.trim()}” is not JSON.`);
    }
  }
  const found = CONDITION.exec(line);
  if (!found) throw new Error(`“${line.trim()}” is no condition: write it as name=value, name>=number or name!=value.`);
  const [, name, sign] = found;
  const value = found[3].trim();
  if (sign in ORDERS) return { [name]: { [ORDERS[sign]]: bound(value) } };
  const values = parts(value).flatMap(meanings);
  if (sign === "=") return { [name]: values.length === 1 ? values[0] : { in: values } };
  return { [name]: { not_in: values } };
}

/** Split at commas, but not inside quotes. */
const parts = (value) => value.match(/(?:"[^"]*"|[^,])+/g)?.map((part) => part.trim()) ?? [""];

const quoted = (value) => value.length > 1 && value.startsWith('"') && value.endsWith('"');

/** Return what a value may mean, the likeliest first: `2` is a number or the text. */
function meanings(value) {
  if (quoted(value)) return [value.slice(1, -1)];
  if (value === "true" || value === "false") return [value === "true", value];
  // What a number would not be written like, as 1.10 or 007, is text.
  const number = Number(value);
  const written = value.includes(".") && Number.isInteger(number) ? `${number}.0` : String(number);
  return PLAIN.test(value) && written === value && Number.isSafeInteger(Math.trunc(number)) ? [number, value] : [value];
}

function bound(value) {
  if (quoted(value)) return value.slice(1, -1);
  if (!NUMBER.test(value)) return value;
  const number = Number(value);
  if (!Number.isFinite(number)) throw new Error(`${value} is too large a number.`);
  return number;
}
