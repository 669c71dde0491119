// Draws /openapi.json: every address with its parameters and answers, and a way to try it.
// Text goes into the page as text only, never as markup.

const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

const BODY_SHOWN_MAX = 20000;

const resolved = (document_, value) => {
  if (!value?.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((at, key) => at?.[key.replaceAll("~1", "/")], document_);
};

const typeOf = (schema) => {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type ?? "object";
  return schema.format ? `${type} (${schema.format})` : type;
};

const table = (heads, rows) => {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
};

const tryOut = (path, method, operation, parameters) => {
  const inputs = new Map();
  const rows = parameters.map((parameter) => {
    const schema = parameter.schema ?? {};
    const input = make("input", { class: "value", "aria-label": parameter.name });
    if (schema.default !== undefined) input.placeholder = String(schema.default);
    inputs.set(parameter, input);
    const name = make("code", {}, parameter.name + (parameter.required ? " *" : ""));
    return [name, typeOf(schema), parameter.description ?? "", input];
  });
  const out = make("pre", { tabindex: "0", hidden: "" });
  const send = async () => {
    let address = path;
    const query = new URLSearchParams();
    for (const [parameter, input] of inputs) {
      if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (parameter.in === "query" && input.value) query.set(parameter.name, input.value);
    }
    const target = query.size ? `${address}?${query}` : address;
    out.hidden = false;
    out.textContent = `${method.toUpperCase()} ${target}\n…`;
    try {
      const response = await fetch(target, { headers: { accept: "application/json, */*;q=0.1" } });
      const text = await response.text();
      let shown = text;
      try {
        shown = JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        // Not JSON: shown as it came.
      }
      out.textContent = `${method.toUpperCase()} ${target}\n${response.status}\n\n${shown.slice(0, BODY_SHOWN_MAX)}`;
    } catch (error) {
      out.textContent = String(error);
    }
  };
  const parts = rows.length ? [table(["Parameter", "Type", "Meaning", "Value"], rows)] : [];
  const isStream = Object.keys(operation.responses?.["200"]?.content ?? {}).includes("text/event-stream");
  if (method === "get" && !isStream) {
    const button = make("button", { type: "button" }, "Try");
    button.addEventListener("click", send);
    parts.push(button, out);
  }
  return parts;
};

const operationOf = (document_, path, method, operation) => {
  const parameters = (operation.parameters ?? []).map((parameter) => resolved(document_, parameter));
  const answers = Object.entries(operation.responses ?? {}).map(([status, answer]) => {
    const whole = resolved(document_, answer);
    const kinds = Object.entries(whole?.content ?? {}).map(([kind, content]) => {
      const type = content.schema?.$ref ? ` → ${typeOf(content.schema)}` : "";
      return `${kind}${type}`;
    });
    return [make("code", {}, status), whole?.description ?? "", kinds.join("\n")];
  });
  const summary = make(
    "summary",
    {},
    make("span", { class: "method" }, method.toUpperCase()),
    make("code", {}, path),
    ` — ${operation.summary ?? ""}`,
  );
  const details = make("details", { "data-text": `${method} ${path} ${operation.summary}`.toLowerCase() }, summary);
  details.addEventListener("toggle", () => {
    if (details.dataset.drawn) return;
    details.dataset.drawn = "yes";
    details.append(make("p", {}, operation.description ?? ""));
    details.append(...tryOut(path, method, operation, parameters));
    details.append(table(["Status", "Answer", "Formats"], answers));
  });
  return details;
};

const schemaOf = (name, schema) => {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([member, value]) => [
    make("code", {}, member + (required.has(member) ? " *" : "")),
    typeOf(value),
    value.description ?? "",
  ]);
  const summary = make("summary", {}, make("code", {}, name), schema.description ? ` — ${schema.description}` : "");
  const details = make("details", { "data-text": name.toLowerCase() }, summary);
  if (rows.length) details.append(table(["Member", "Type", "Meaning"], rows));
  return details;
};

const draw = (document_) => {
  const main = document.getElementById("main");
  document.getElementById("description").textContent = document_.info.description ?? "";
  main.replaceChildren();
  for (const tag of document_.tags ?? []) {
    const operations = [];
    for (const [path, item] of Object.entries(document_.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if (operation.tags?.includes(tag.name)) operations.push(operationOf(document_, path, method, operation));
      }
    }
    if (operations.length) main.append(make("h2", {}, tag.description ?? tag.name), ...operations);
  }
  const schemas = Object.entries(document_.components?.schemas ?? {});
  main.append(make("h2", {}, "Schemas"), ...schemas.map(([name, schema]) => schemaOf(name, schema)));
};

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const details of document.querySelectorAll("details")) details.hidden = !details.dataset.text.includes(wanted);
});

try {
  const response = await fetch("/openapi.json", { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`status ${response.status}`);
  draw(await response.json());
} catch (error) {
  document.getElementById("main").textContent = `/openapi.json can't be read: ${error}`;
}
