// Conditions on documents as lines that people read and write: what `readFilters` reads.

const SIGNS = { eq: "=", in: "=", ne: "!=", not_in: "!=", gt: ">", gte: ">=", lt: "<", lte: "<=" };

/** Return a filter of the API as lines, one a condition; what is no simple condition stays JSON. */
export function conditions(filters) {
  if (!filters) return [];
  const isAll = Array.isArray(filters.and) && Object.keys(filters).length === 1;
  return (isAll ? filters.and : [filters]).map(condition);
}

function condition(one) {
  const [[name, wanted], ...others] = Object.entries(one);
  const isPlain = typeof wanted !== "object" || wanted === null;
  const [[sign, value], ...more] = isPlain ? [["eq", wanted]] : Object.entries(wanted);
  if (others.length || more.length || !(sign in SIGNS)) return JSON.stringify(one);
  const values = [].concat(value);
  // `2` asks for the number and for the text of the same letters.
  const numbers = new Set(values.filter((part) => typeof part !== "string").map(String));
  return name + SIGNS[sign] + values.filter((part) => typeof part !== "string" || !numbers.has(part)).map(written).join(",");
}

/** Return a value as it is written in a condition. */
export function written(value) {
  const isOther = typeof value === "string" && (/^$|[,\s]$|^\s|,/.test(value) || value === "true" || value === "false" || (value.trim() !== "" && !Number.isNaN(Number(value))));
  return isOther ? `"${value}"` : String(value);
}
