// Draws openapi.json: each route with its parameters, its body, an example and its answers.
const make = (tag, text = "", ...children) => {
  const element = document.createElement(tag);
  element.textContent = text;
  element.append(...children);
  return element;
};
const prose = (text) => make("p", "", ...text.split("`").map((part, at) => (at % 2 ? make("code", part) : part)));
const schema = await (await fetch("/openapi.json")).json();
const resolve = (node) => (node?.$ref ? schema.components.schemas[node.$ref.split("/").pop()] : node) || {};
const kind = (node) => {
  const found = resolve(node);
  if (found.enum) return found.enum.join(" | ");
  if (found.anyOf) return found.anyOf.map(kind).filter((name) => name !== "null").join(" | ");
  return found.type === "array" ? `[${kind(found.items)}]` : found.format || found.type || found.title || "";
};
const row = (name, node, required, description) => make("tr", "", make("td", "", make("code", name + (required ? " *" : ""))),
  make("td", kind(node)), make("td", description || resolve(node).description || ""));
const docs = document.getElementById("docs");
docs.append(make("h1", schema.info.title), ...schema.info.description.split("\n\n").map(prose));
for (const [path, operations] of Object.entries(schema.paths)) {
  for (const [method, operation] of Object.entries(operations)) {
    const block = make("details", "", make("summary", "", make("b", method.toUpperCase()), make("code", path),
      make("span", operation.summary || "")), ...(operation.description || "").split("\n\n").map(prose));
    const table = make("table");
    for (const each of operation.parameters || []) table.append(row(each.name, each.schema, each.required, each.description));
    for (const [type, content] of Object.entries(operation.requestBody?.content || {})) {
      const body = resolve(content.schema);
      for (const [name, node] of Object.entries(body.properties || {})) table.append(row(name, node, body.required?.includes(name)));
      const example = content.example || body.examples?.[0] || body.example;
      if (example) block.append(make("pre", `${type}\n${JSON.stringify(example, null, 2)}`));
    }
    if (table.children.length) block.append(table);
    const answers = Object.entries(operation.responses).map(([status, answer]) => `${status} ${answer.description}`);
    block.append(make("p", answers.join(" · ")));
    docs.append(block);
  }
}
