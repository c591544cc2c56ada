// The inputs of a call that is tried: parameters, and a body as JSON or as a form.

import { find, make } from "../shared/dom.js";
import { remembered } from "./memory.js";

const FORM = "multipart/form-data";
const JSON_TYPE = "application/json";

/** Draw the inputs of a call as the description has it; headers, which are rarely sent, fold. */
export function drawInputs({ operation, schemas }) {
  const given = operation.parameters ?? [];
  const drawn = (some) => some.flatMap((one) => labelled(one.name, parameter(one), one.required));
  const headers = given.filter((one) => one.in === "header");
  const parts = [
    make("div", { className: "inputs" }, ...drawn(given.filter((one) => one.in !== "header"))),
    ...body(operation.requestBody?.content ?? {}, schemas),
  ];
  if (headers.length) {
    const isSet = headers.some((one) => one["x-usual"]);
    parts.push(make("details", { open: isSet }, make("summary", {}, "Headers of the request"), make("div", { className: "inputs" }, ...drawn(headers))));
  }
  find("inputs").replaceChildren(...parts);
}

/** Return the inputs of a body, and where it may be of several kinds, the choice between them. */
function body(contents, schemas) {
  const kinds = Object.keys(contents).sort((a, b) => (b === FORM) - (a === FORM));
  if (!kinds.length) return [];
  const part = make("div", { className: "inputs" });
  const draw = (media) => part.replaceChildren(...(media === FORM ? form(contents[FORM], schemas) : text(media, contents[media])));
  draw(kinds[0]);
  if (kinds.length === 1) return [part];
  const names = kinds.map((media) => make("option", { value: media }, media === FORM ? "a form, with files" : media));
  const select = make("select", {}, ...names);
  select.addEventListener("change", () => draw(select.value));
  return [make("div", { className: "inputs" }, ...labelled("Body", select)), part];
}

/** Return a label and its input, which is then known by its name. */
function labelled(name, input, required = false) {
  // A name may stand in the query and in a form.
  input.id ||= `in-${input.dataset.place ?? "body"}-${name}`;
  input.required = required;
  return [make("label", { htmlFor: input.id }, required ? `${name} *` : name), input];
}

function parameter({ name, in: place, schema, example, required, "x-usual": usual = "" }) {
  const value = required ? (remembered(name) ?? example) : usual;
  const input = inputOf(schema, example);
  input.value = value;
  Object.assign(input.dataset, { name, place });
  return input;
}

/** Make an input for a value: of one of some words, a number, or a text. */
function inputOf(schema, example) {
  const words = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : null);
  if (words) {
    return make("select", {}, make("option", { value: "" }, ""), ...words.map((word) => make("option", { value: word }, word)));
  }
  const placeholder = example === undefined ? null : `e.g. ${example}`;
  if (schema.type !== "integer") return make("input", { placeholder, autocomplete: "off", spellcheck: false });
  return make("input", { type: "number", placeholder, min: schema.minimum, max: schema.maximum });
}

function text(media, { example }) {
  const written = typeof example === "string" ? example : JSON.stringify(example, null, 2);
  const area = make("textarea", { id: "in-body", spellcheck: false, rows: Math.min(written.split("\n").length + 1, 20) });
  area.value = written;
  area.dataset.media = media;
  return labelled(media === JSON_TYPE ? "Body (JSON)" : "Body", area, true);
}

function form({ schema }, schemas) {
  const { properties } = schemas[schema.$ref.split("/").at(-1)];
  const isFile = ([, field]) => field.type === "array" || field.format === "binary";
  const filesFirst = Object.entries(properties).sort((a, b) => isFile(b) - isFile(a));
  return filesFirst.flatMap(([name, field]) => {
    const input = isFile([name, field]) ? make("input", { type: "file", multiple: field.type === "array" }) : inputOf(field);
    input.dataset.field = name;
    return labelled(name, input);
  });
}

/** Return the path with its parameters, the headers and the body, as the inputs have them. */
export function written(path) {
  const asked = new URLSearchParams();
  const headers = {};
  for (const input of find("inputs").querySelectorAll("[data-place]")) {
    const { name, place } = input.dataset;
    const value = input.value.trim();
    if (place === "path") path = path.replace(`{${name}}`, value.split("/").map(encodeURIComponent).join("/"));
    else if (value && place === "query") asked.set(name, value);
    else if (value) headers[name] = value;
  }
  return { path: asked.size ? `${path}?${asked}` : path, headers, ...writtenBody() };
}

function writtenBody() {
  const area = document.getElementById("in-body");
  if (area) return { body: checked(area), type: area.dataset.media };
  const fields = document.querySelectorAll("#inputs [data-field]");
  if (!fields.length) return {};
  const data = new FormData();
  for (const input of fields) {
    if (input.type === "file") for (const file of input.files) data.append(input.dataset.field, file, file.name);
    else if (input.value.trim()) data.append(input.dataset.field, input.value);
  }
  return { body: data };
}

function checked(area) {
  if (area.dataset.media !== JSON_TYPE) return area.value;
  try {
    JSON.parse(area.value);
  } catch (error) {
    throw new Error(`The body is not JSON: ${error.message}`);
  }
  return area.value;
}
