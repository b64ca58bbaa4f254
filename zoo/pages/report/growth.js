// Receptive fields by depth

const seen = (model, node) => {
  const cell = model.cells.rf?.[node];
  return cell?.size ? Math.max(...cell.size) : null;
};

function growth() {
  const element = one(".growth-plot"), readout = element.parentElement.querySelector(".readout");
  const drawn = models.filter((model) => model.leaves.some((node) => seen(model, node) !== null));
  if (!drawn.length) return void element.parentElement.remove();
  const largest = Math.max(...drawn.flatMap((model) => model.leaves.map((node) => seen(model, node) ?? 0)));
  const limits = [...new Set(drawn.map((model) => Math.max(...model.input.slice(2))).filter((size) => size > 0))];
  let points = [];

  function draw() {
    const width = Math.max(280, element.clientWidth || 900), height = 190, left = 44, right = 14, top = 12, bottom = 22;
    const high = Math.max(largest, ...limits) * 1.04;
    const y = (size) => height - bottom - (size / high) * (height - top - bottom);
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const step = [1, 2, 5].flatMap((n) => [1, 10, 100, 1000, 10000].map((m) => n * m)).sort((a, b) => a - b).find((n) => high / n <= 5) ?? high;
    for (let size = 0; size <= high; size += step) {
      svg.append(make("line", { class: "grid", x1: left, x2: width - right, y1: y(size), y2: y(size) }), make("text", { class: "axis", x: left - 6, y: y(size) + 4, "text-anchor": "end" }, grouped(size)));
    }
    for (const size of limits) svg.append(make("line", { class: "limit", x1: left, x2: width - right, y1: y(size), y2: y(size) }), make("text", { class: "axis", x: left + 8, y: y(size) - 4 }, `image: ${size} pixels`));
    svg.append(make("text", { class: "axis", x: left, y: height - 5 }, "first layer"), make("text", { class: "axis", x: width - right, y: height - 5, "text-anchor": "end" }, "last layer"));
    points = [];
    for (const model of drawn) {
      const places = new Map(model.leaves.map((node, index) => [node, left + (index / Math.max(1, model.leaves.length - 1)) * (width - left - right)]));
      let path = "", before = null;
      for (const [node, at] of places) {
        const size = seen(model, node);
        if (size === null) continue;
        path += before === null ? `M${at.toFixed(1)} ${y(size).toFixed(1)}` : `H${at.toFixed(1)}V${y(size).toFixed(1)}`;
        before = size;
        points.push({ model, node, at, high: y(size) });
      }
      svg.append(make("path", { d: path, class: `line of-${model.number}` }));
      if (two) svg.append(make("text", { class: `of-${model.number}`, x: width - right, y: height - bottom - 8 - 15 * (1 - model.number), "text-anchor": "end" }, model.name));
    }
    element.replaceChildren(svg);
    marks();
  }
  function marks() {
    const svg = one("svg", element);
    for (const circle of all("circle", svg)) circle.remove();
    for (const model of drawn) {
      const own = chosen(model);
      if (own === null) continue;
      const last = lastLeaf(model, own), point = points.find((one) => one.model === model && one.node === last);
      if (point) svg.append(make("circle", { cx: point.at, cy: point.high, r: 6, class: `of-${model.number}` }));
    }
    const model = selected && drawn.includes(models[selected.model]) ? models[selected.model] : drawn[0], node = chosen(model) ?? 0;
    says(element, model, node, "rf");
    readout.textContent = chosen(model) === null ? "\u00a0" : told(model, node, "rf");
  }
  const nearest = (event) => {
    const box = element.getBoundingClientRect(), scale = one("svg", element).viewBox.baseVal.width / box.width;
    const px = (event.clientX - box.left) * scale, py = (event.clientY - box.top) * scale;
    return points.reduce((best, point) => {
      const far = Math.abs(point.at - px) + (two ? Math.abs(point.high - py) : 0);
      return !best || far < best.far ? { ...point, far } : best;
    }, null);
  };
  element.addEventListener("pointermove", (event) => {
    const point = nearest(event);
    if (point) readout.textContent = told(point.model, point.node, "rf");
  });
  element.addEventListener("pointerleave", marks);
  element.addEventListener("click", (event) => {
    const point = nearest(event);
    if (point) select(point.model.number, point.node, { column: "rf", from: element });
  });
  const current = () => (selected && drawn.includes(models[selected.model]) ? models[selected.model] : drawn[0]);
  steers(element, drawn[0], "Receptive field, layer by layer", {});
  element.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key], model = current();
    const ends = { Home: model.leaves[0], End: model.leaves.at(-1) };
    if (event.altKey || event.ctrlKey || event.metaKey || (!by && !(event.key in ends))) return;
    event.preventDefault();
    const next = by ? steps(model.leaves, by)(chosen(model) ?? 0) : ends[event.key];
    if (next !== undefined) select(model.number, next, { column: "rf", from: element });
  });
  models.forEach((model) => (model.showGrowth = marks));
  draw();
  redrawn(element, draw);
}

const lastLeaf = (model, node) => {
  while (model.children[node].length) node = model.children[node].at(-1);
  return node;
};
