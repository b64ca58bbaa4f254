// The diagram: stages as they were drawn, and modules that open in place

/** The elements of a level: frames below lines below boxes. */
function elements(level, x, y, layers) {
  for (const node of level.nodes) {
    const at = { x: two_decimals(x + node.x), y: two_decimals(y + node.y), width: two_decimals(node.width), height: two_decimals(node.height) };
    const kind = node.level ? "group" : node.inside === null ? "node" : "node opens";
    const group = make("g", { class: kind, "data-inside": node.inside }, make("title", {}, node.title), make("rect", { ...at, class: node.level ? "frame" : node.role, rx: node.level ? 3 : node.radius }));
    group.names = node.names;
    if (node.level) {
      group.append(make("text", { class: "soft", x: at.x + 3, y: at.y + 8.2 }, node.heading));
      layers.frames.push(group);
      elements(node.level, x + node.entry, y + node.y + TITLE, layers);
      continue;
    }
    const middle = at.x + node.width / 2, top = at.y + (node.height - node.texts.length * LINE) / 2 + BASE + (node.radius === 5 ? 0.8 : 0);
    node.texts.forEach(([text, role], i) => group.append(make("text", { class: role, "text-anchor": "middle", x: two_decimals(middle), y: two_decimals(top + LINE * i) }, text)));
    layers.boxes.push(group);
  }
  for (const { points, tip } of level.paths) {
    const moved = points.map(([px, py]) => [px + x, py + y]);
    layers.lines.add(rounded(moved));
    if (tip) layers.tips.push(tipped(moved));
  }
  return layers;
}

function diagram(model) {
  const part = one(`#diagram-${"ab"[model.number]}`), element = one(".drawing", part), choice = one(".drawn-level", part);
  const { stages, levels, open: blocks } = model.drawings, modules = Object.keys(levels).map(Number).filter((call) => call);
  const states = { ...(stages ? { stages: null } : {}), blocks: new Set(blocks), ...(modules.length > blocks.length ? { "all open": new Set(modules) } : {}) };
  choice.append(...Object.keys(states).map((name) => make("option", {}, name)));
  let open = null, boxes = new Map(); // by node; null where stages are shown

  function drawing() {
    if (open === null) {
      const svg = document.importNode(new DOMParser().parseFromString(stages, "image/svg+xml").documentElement, true);
      svg.removeAttribute("role");
      for (const box of all("[data-layer]", svg)) box.names = [box.dataset.layer];
      return svg;
    }
    const top = arranged(levels[0], levels, open), width = top.left + top.right + 2, height = top.height + 2;
    const { frames, lines, tips, boxes } = elements(top, top.left + 1, 1, { frames: [], lines: new Set(), tips: [], boxes: [] });
    const wires = make("g", {}, make("path", { class: "wire", d: [...lines].join("") }), make("path", { class: "tip", d: tips.join("") }));
    return make("svg", { class: "zoo-drawing", viewBox: `0 0 ${two_decimals(width)} ${two_decimals(height)}`, width: `${two_decimals(width)}pt`, height: `${two_decimals(height)}pt` }, ...frames, wires, ...boxes);
  }
  function draw() {
    const svg = drawing();
    svg.setAttribute("aria-hidden", "true");
    for (const box of all("[id]", svg)) box.removeAttribute("id");
    element.replaceChildren(svg);
    boxes = new Map();
    for (const box of all("g", svg)) {
      const nodes = (box.names ?? []).map((name) => model.named.get(name)).filter((node) => node !== undefined);
      if (nodes.length) box.dataset.node = nodes[0];
      for (const node of nodes) if (!boxes.has(node)) boxes.set(node, box);
    }
    mark(chosen(model));
  }
  function mark(node) {
    for (const box of all(".selected", element)) box.classList.remove("selected");
    if (node === null) return;
    let around = node;
    while (around !== null && around !== 0 && !boxes.has(around)) around = model.parents[around];
    const box = boxes.get(around ?? 0);
    box?.classList.add("selected");
    const inside = box?.dataset.inside, state = inside === undefined || open === null ? "" : open.has(Number(inside)) ? ", open" : ", closed";
    element.setAttribute("aria-valuenow", node);
    element.setAttribute("aria-valuetext", `${told(model, node, "output")}${state}`);
    if (!box) return;
    const inner = box.getBoundingClientRect(), outer = element.getBoundingClientRect();
    if (inner.left < outer.left || inner.right > outer.right) element.scrollLeft += inner.left - outer.left - outer.width / 2;
    if (inner.top < outer.top || inner.bottom > outer.bottom) element.scrollTop += inner.top - outer.top - outer.height / 2;
  }
  /** Open or close the module of a box in its place. */
  function turn(box) {
    const inside = Number(box.dataset.inside);
    if (!open.delete(inside)) open.add(inside);
    const before = box.getBoundingClientRect(), node = Number(box.dataset.node);
    draw();
    const after = boxes.get(node)?.getBoundingClientRect(); // stays where it was on the screen
    if (!after) return;
    element.scrollLeft += (after.left + after.right - before.left - before.right) / 2;
    element.scrollTop += after.top - before.top;
  }
  const drawn = (by) => (node) => steps([...boxes.keys()].sort((a, b) => a - b), by)(node);
  steers(element, model, `Diagram of ${model.name}`, { ArrowLeft: drawn(-1), ArrowUp: drawn(-1), ArrowRight: drawn(1), ArrowDown: drawn(1) });
  element.addEventListener("keydown", (event) => {
    const box = one(".selected[data-inside]", element);
    if (!["Enter", " "].includes(event.key) || !box || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    turn(box);
  });
  element.addEventListener("click", (event) => {
    const box = event.target.closest("[data-node]");
    if (!box) return;
    select(model.number, Number(box.dataset.node), { from: element });
    if (box.dataset.inside !== undefined) turn(box);
  });
  const choose = () => {
    const state = states[choice.value];
    open = state && new Set(state);
    one(".hint", part).hidden = !open || !modules.length;
    draw();
  };
  choice.addEventListener("change", choose);
  model.showDiagram = mark;
  choose();
}
