// The icicle: a bar for each module below that of the module around it, as wide as its cost

function icicle(model) {
  const element = one(".icicle", model.pane), metric = one(".metric", model.pane), readout = element.parentElement.querySelector(".readout");
  const offered = additive(model).filter((name) => number(model.cells[name][0]) > 0);
  metric.append(...["macs", ...offered.filter((name) => name !== "macs")].filter((name) => offered.includes(name)).map((name) => make("option", {}, name)));
  const deepest = Math.max(...model.levels);
  const kinds = [...new Set(model.leaves.map((node) => model.kinds[node]))];
  element.after(make("ul", { class: "key" }, ...["convolution", "linear", "normalisation", "pooling", "activation", "join", "other"].filter((kind) => kinds.includes(kind)).map((kind) => make("li", {}, make("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, make("rect", { width: 10, height: 10, class: kind })), kind))));
  let rects = new Map();

  function draw() {
    if (!offered.length) return void element.replaceChildren(make("p", { class: "muted" }, "Nothing is counted in this network."));
    const width = Math.max(280, element.clientWidth || 900), high = deepest > 4 ? 20 : 26, column = metric.value;
    const whole = number(model.cells[column][0]);
    rects = new Map();
    const drawing = make("svg", { viewBox: `0 0 ${width} ${(deepest + 1) * high}`, "aria-hidden": "true" });
    const place = (node, left, span) => {
      const level = model.levels[node], leaf = !model.children[node].length;
      if (span < 0.25) return;
      const rows = leaf ? deepest - level + 1 : 1;
      const rect = make("rect", { x: left.toFixed(2), y: level * high, width: Math.max(span, 0.4).toFixed(2), height: rows * high, class: leaf ? model.kinds[node] : "module", "data-node": node });
      rects.set(node, rect);
      drawing.append(rect);
      const around = model.parents[node] ? `${model.names[model.parents[node]]}.` : "";
      const label = model.names[node].startsWith(around) ? model.names[node].slice(around.length) : model.names[node];
      if (label.length * 6.4 + 8 < span) drawing.append(make("text", { x: (left + 4).toFixed(1), y: level * high + high / 2 + 4 }, label));
      let from = left;
      for (const child of model.children[node]) {
        const part = (Math.max(number(model.cells[column][child]), 0) / whole) * width;
        place(child, from, part);
        from += part;
      }
    };
    place(0, 0, width);
    element.replaceChildren(drawing);
    mark(chosen(model));
  }
  function mark(node) {
    for (const rect of rects.values()) rect.classList.remove("selected");
    if (node === null) return;
    const rect = rects.get(node);
    if (rect) {
      rect.classList.add("selected");
      rect.parentElement.append(rect, ...all("text", rect.parentElement)); // above its neighbours
    }
    says(element, model, node, metric.value);
    readout.textContent = told(model, node, metric.value);
  }
  const sibling = (by) => (node) => {
    const around = model.parents[node];
    if (around === null) return node;
    const counted = model.children[around].filter((child) => rects.has(child) || child === node);
    return counted[counted.indexOf(node) + by] ?? node;
  };
  steers(element, model, `Cost by module of ${model.name}`, {
    ArrowLeft: sibling(-1),
    ArrowRight: sibling(1),
    ArrowUp: (node) => model.parents[node] ?? node,
    ArrowDown: (node) => model.children[node].find((child) => rects.has(child)) ?? node,
    Home: () => 0,
    End: () => model.leaves.at(-1),
  });
  const over = (event) => event.target.dataset?.node;
  element.addEventListener("click", (event) => over(event) !== undefined && select(model.number, Number(over(event)), { column: metric.value, from: element }));
  element.addEventListener("pointermove", (event) => over(event) !== undefined && (readout.textContent = told(model, Number(over(event)), metric.value)));
  element.addEventListener("pointerleave", () => mark(chosen(model)));
  metric.addEventListener("change", draw);
  model.showCost = mark;
  draw();
  redrawn(element, draw);
}
