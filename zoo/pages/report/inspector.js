// The selected layer: its numbers, and how they are computed

function working(model, { lines: known, of }, column, node) {
  const blocks = of[column]?.[node] ?? [];
  if (!blocks.length) return [make("p", { class: "muted" }, "zoo explain prints the working of this number.")];
  return blocks.flatMap(([axis, lines]) => [
    axis ? make("h4", {}, axis) : null,
    make("ol", {}, ...lines.map((line) => {
      const [label, symbols, numbers, result, where] = known[line];
      const layer = axis ? model.named.get(label) : undefined;
      const what = layer === undefined ? make("span", { class: "what" }, label) : link(model, layer);
      const formula = symbols && symbols !== numbers ? make("code", {}, axis ? `${symbols.split(" = ")[0]} = ${numbers} ` : `${symbols} = ${numbers} `) : symbols ? make("code", {}, `${symbols} `) : null;
      return make("li", {}, what, " ", formula, result !== "" ? make("code", { class: "result" }, symbols ? `= ${result}` : result) : null, where ? make("span", { class: "where" }, where) : null);
    })),
  ]).filter(Boolean);
}

const link = (model, node) => make("button", { type: "button", class: "layer", onclick: () => select(model.number, node) }, model.names[node]);

function inspect() {
  const box = one("#inspector"), shown = models.map((model) => [model, chosen(model)]).filter(([, node]) => node !== null);
  const parts = [];
  for (const [model, node] of shown) {
    const around = [];
    for (let parent = model.parents[node]; parent !== null && parent !== undefined; parent = model.parents[parent]) around.unshift(link(model, parent), " › ");
    if (two) parts.push(make("p", { class: "around muted" }, `in ${model.name}`));
    if (around.length) parts.push(make("p", { class: "around" }, ...around));
    parts.push(make("h3", { class: "name" }, model.names[node]), make("p", { class: "about muted" }, model.about[node]));
    for (const note of model.shared[node] ?? []) parts.push(make("p", { class: "about" }, note));
    parts.push(picture(model, node));
  }
  for (const [column, unit, description] of models[0].columns) parts.push(quantity(shown, column, unit, description));
  const [model, node] = shown[0];
  parts.push(make("p", { class: "muted about" }, "The same in a terminal: ", make("code", {}, `zoo explain ${model.name}${node ? ` ${model.names[node]}` : ""}${model.convention === "pure" ? "" : ` --convention ${model.convention}`}`)));
  box.replaceChildren(...parts);
}

function quantity(shown, column, unit, description) {
  const texts = shown.map(([model, node]) => written(model, column, node));
  const part = shown.length === 1 ? share(shown[0][0], column, shown[0][1]) : null;
  const numbers = shown.map(([model, node]) => model.cells[column][node]);
  const counts = numbers.length === 2 && numbers.every((cell) => typeof cell === "number");
  const change = counts && numbers[1] !== numbers[0] ? `${numbers[1] > numbers[0] ? "+" : "−"}${grouped(Math.abs(numbers[1] - numbers[0]))}` : "";
  const value = texts.length === 2 && texts[0] === texts[1] ? texts[0] : texts.join(" → ");
  const details = make("details", { open: selected.column === column, "data-column": column },
    make("summary", {}, make("span", { class: "label", title: `${description} (${unit})` }, column), make("span", { class: "value" }, value), make("span", { class: "share" }, part !== null ? percent(part) : change)));
  const fill = async () => {
    if (!details.open || one(".working", details)) return;
    const found = await worked();
    if (!details.isConnected || one(".working", details)) return;
    const inner = make("div", { class: "working", tabindex: 0, role: "group", "aria-label": `Working of ${column}` }, make("p", { class: "muted" }, `${description} (${unit})`));
    for (const [model, node] of shown) inner.append(...(two && shown.length > 1 ? [make("h4", {}, model.name)] : []), ...working(model, found[model.number], column, node));
    details.append(inner);
  };
  details.addEventListener("toggle", () => {
    fill();
    if (details.open) selected.column = column;
  });
  return details; // one that is open from the start is toggled too
}
