"use strict";
(async () => {
  const one = (query, root = document) => root.querySelector(query);
  const all = (query, root = document) => [...root.querySelectorAll(query)];
  const SVG = new Set("svg g rect line path polyline circle ellipse text title".split(" "));

  /** An element with attributes and children; what is text stays text. */
  function make(tag, attributes = {}, ...children) {
    const made = SVG.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return JSON.parse(await new Response(stream).text());
  }

  const { models, pairs } = await unpacked(one("#data").textContent);
  let workings; // most of the data, and not needed before a number is looked at
  const worked = () => (workings ??= unpacked(one("#workings").textContent));
  const two = models.length > 1;
  const partners = [new Map(pairs), new Map(pairs.map(([i, j]) => [j, i]))];
  let selected = null; // { model, node, column }

  models.forEach((model, number) => {
    model.number = number;
    model.pane = one(`#pane-${"ab"[number]}`);
    model.children = model.names.map(() => []);
    model.parents.forEach((parent, node) => parent !== null && model.children[parent].push(node));
    model.leaves = model.names.map((_, node) => node).filter((node) => !model.children[node].length);
    model.levels = model.parents.map(() => 0);
    model.parents.forEach((parent, node) => (model.levels[node] = parent === null ? 0 : model.levels[parent] + 1));
    model.named = new Map(model.names.map((name, node) => [name, node]).reverse());
  });

  // Cells as text and as numbers

  const number = (cell) => {
    if (typeof cell === "number") return cell;
    if (Array.isArray(cell)) return cell.flat(2).reduce((product, size) => product * size, 1);
    if (cell && typeof cell === "object") return cell.at_least ?? cell.size?.reduce((product, size) => product * size, 1) ?? -1;
    return -1;
  };
  const grouped = (count) => Math.round(count).toLocaleString("en-US");
  const percent = (part) => (part >= 0.1 ? `${(100 * part).toFixed(0)}%` : part >= 0.001 ? `${(100 * part).toFixed(1)}%` : part > 0 ? "< 0.1%" : "0%");
  const columnsOf = (model) => model.columns.map(([name]) => name);
  const additive = (model) => columnsOf(model).filter((name) => ["macs", "params", "flops", "activations"].includes(name));
  const share = (model, column, node) => {
    const whole = additive(model).includes(column) ? number(model.cells[column][0]) : 0;
    return whole > 0 ? number(model.cells[column][node]) / whole : null;
  };
  const fraction = (text) => (typeof text === "number" ? text : text.split("/").reduce((a, b) => Number(a) / Number(b)));
  const shape = (sizes) => sizes.join("×");
  const written = (model, column, node) => model.texts(node, column) ?? "–";

  // The table: a tree that folds, or flat where it is filtered or sorted

  function table(model) {
    const grid = one("[role=treegrid]", model.pane), body = grid.tBodies[0], box = grid.parentElement;
    const rows = [...body.rows], heads = all("thead button", grid);
    const places = new Map(heads.map((head, index) => [head.dataset.sort, index]));
    const search = one(".filter", model.pane), levels = one(".levels", model.pane), count = one(".count", model.pane);
    const known = new Map(rows.map((row, node) => [row, node]));
    const open = rows.map((row) => row.getAttribute("aria-expanded") === "true");
    let order = null; // { column, down }

    model.texts = (node, column) => {
      const place = places.get(column);
      return place === undefined ? plain(model.cells[column]?.[node] ?? null) : rows[node].cells[place].textContent.trim();
    };
    const plain = (cell) => (cell === null ? "–" : typeof cell === "number" ? grouped(cell) : Array.isArray(cell) ? shape(cell) : cell.at_least !== undefined ? `≥ ${grouped(cell.at_least)}` : cell.undefined ? "undefined" : `${shape(cell.size)}`);

    function matches(text) {
      const compared = /^(\w+%?)\s*([<>]=?|=)\s*([\d.,]+)\s*([kmg]?)$/i.exec(text);
      if (compared && model.cells[compared[1]]) {
        const limit = Number(compared[3].replaceAll(",", "")) * { "": 1, k: 1e3, m: 1e6, g: 1e9 }[compared[4].toLowerCase()];
        const holds = { "<": (n) => n < limit, ">": (n) => n > limit, "<=": (n) => n <= limit, ">=": (n) => n >= limit, "=": (n) => n === limit }[compared[2]];
        return (node) => holds(number(model.cells[compared[1]][node]));
      }
      const pattern = text.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
      const search = new RegExp(/[*?]/.test(text) ? `^${pattern}$` : pattern, "i");
      return (node) => search.test(model.names[node]) || search.test(model.types[node]);
    }

    function show() {
      const text = search.value.trim(), flat = Boolean(text || order);
      const wanted = text ? matches(text) : () => true;
      grid.classList.toggle("flat", flat);
      let nodes = rows.map((_, node) => node), shown = 0;
      if (order) {
        const keys = nodes.map((node) => (order.column === "name" ? model.names[node] : order.column === "type" ? model.types[node] : number(model.cells[order.column][node])));
        nodes.sort((a, b) => ((keys[a] > keys[b]) - (keys[a] < keys[b])) * (order.down ? -1 : 1) || a - b);
      }
      const visible = [];
      for (const node of nodes) {
        const leaf = !model.children[node].length, parent = model.parents[node];
        visible[node] = flat ? leaf && wanted(node) : parent === null || (visible[parent] && open[parent]);
        shown += flat && visible[node];
      }
      rows.forEach((row, node) => {
        if (row.hidden === visible[node]) row.hidden = !visible[node];
        row.setAttribute("aria-level", flat ? 1 : model.levels[node] + 1);
        if (model.children[node].length && !flat) row.setAttribute("aria-expanded", open[node]);
      });
      if (order || body.sorted) body.append(...nodes.map((node) => rows[node]));
      body.sorted = Boolean(order);
      count.textContent = flat ? `${grouped(shown)} of ${grouped(model.leaves.length)} layers` : `${grouped(model.leaves.length)} layers`;
      rove();
    }

    /** One row can be reached by Tab: the selected one if it is visible, else the first. */
    function rove() {
      const own = chosen(model);
      const stop = own !== null && !rows[own].hidden ? rows[own] : [...body.rows].find((row) => !row.hidden);
      for (const row of all("[tabindex]", body)) row.removeAttribute("tabindex");
      stop?.setAttribute("tabindex", 0);
    }

    const fold = (node, wide) => {
      open[node] = wide;
      show();
    };

    function unfoldTo(level) {
      rows.forEach((_, node) => (open[node] = model.levels[node] < level));
      show();
    }

    heads.forEach((head) =>
      head.addEventListener("click", () => {
        const column = head.dataset.sort, first = !["name", "type"].includes(column);
        if (order?.column !== column) order = { column, down: first };
        else order = order.down === first ? { column, down: !first } : null;
        for (const other of heads) other.parentElement.removeAttribute("aria-sort");
        if (order) head.parentElement.setAttribute("aria-sort", order.down ? "descending" : "ascending");
        show();
        box.scrollTop = 0;
      }),
    );
    search.addEventListener("input", show);
    levels.addEventListener("change", () => unfoldTo(Number(levels.value)));

    body.addEventListener("click", (event) => {
      const cell = event.target.closest("th, td"), row = event.target.closest("tr");
      if (!row) return;
      const node = known.get(row), column = heads[cell.cellIndex]?.dataset.sort;
      const folds = row.hasAttribute("aria-expanded") && !grid.classList.contains("flat");
      const arrow = cell.cellIndex === 0 && event.clientX < cell.getBoundingClientRect().left + parseFloat(getComputedStyle(cell).paddingLeft) + 18;
      if (folds && arrow) fold(node, !open[node]);
      select(model.number, node, { column: model.cells[column] ? column : undefined, from: body });
    });
    body.addEventListener("keydown", (event) => {
      const row = event.target.closest("tr");
      if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
      const visible = [...body.rows].filter((one) => !one.hidden), at = visible.indexOf(row), node = known.get(row);
      const folds = row.hasAttribute("aria-expanded") && !grid.classList.contains("flat");
      const page = Math.max(1, Math.floor(box.clientHeight / row.offsetHeight) - 2);
      let next;
      if (event.key === "ArrowDown") next = visible[at + 1];
      else if (event.key === "ArrowUp") next = visible[at - 1];
      else if (event.key === "PageDown") next = visible[Math.min(at + page, visible.length - 1)];
      else if (event.key === "PageUp") next = visible[Math.max(at - page, 0)];
      else if (event.key === "Home") next = visible[0];
      else if (event.key === "End") next = visible.at(-1);
      else if (event.key === "ArrowRight" && folds && !open[node]) fold(node, true), (next = row);
      else if (event.key === "ArrowRight" && folds) next = rows[model.children[node][0]];
      else if (event.key === "ArrowLeft" && folds && open[node]) fold(node, false), (next = row);
      else if (event.key === "ArrowLeft" && model.parents[node] !== null) next = rows[model.parents[node]];
      else if (event.key === "Enter" || event.key === " ") next = row;
      else return;
      event.preventDefault();
      if (!next) return;
      select(model.number, known.get(next), { from: body });
      next.focus({ preventScroll: true });
    });

    model.showRow = (node, column, from) => {
      for (const row of all("[aria-selected=true]", body)) row.setAttribute("aria-selected", "false");
      all("td.number", body).forEach((cell) => cell.classList.remove("number"));
      if (node === null) return;
      for (let around = model.parents[node], changed = false; ; around = model.parents[around]) {
        if (around === null) {
          if (changed) show();
          break;
        }
        if (!open[around] && from !== body) (open[around] = true), (changed = true);
      }
      const row = rows[node];
      row.setAttribute("aria-selected", "true");
      if (places.has(column)) row.cells[places.get(column)].classList.add("number");
      rove();
      if (row.hidden) return;
      const head = grid.tHead.offsetHeight, top = row.offsetTop - head, bottom = row.offsetTop + row.offsetHeight;
      if (top < box.scrollTop) box.scrollTop = top;
      else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight + 8;
    };

    for (const column of ["params", "macs"].filter((name) => places.has(name) && model.cells[name])) {
      rows.forEach((row, node) => {
        const part = node && !model.children[node].length && share(model, column, node);
        if (!(part > 0.002)) return;
        const cell = row.cells[places.get(column)];
        cell.classList.add("share");
        cell.style.setProperty("--s", part.toFixed(4));
      });
    }
    const depths = rows.map((row, node) => (row.hidden ? 0 : model.levels[node]));
    levels.value = Math.max(1, ...depths);
    count.textContent = `${grouped(model.leaves.length)} layers`;
    rove();
  }

  // Parts that are drawn: one stop for Tab each, and arrow keys as on a slider

  function steers(element, model, label, steps) {
    for (const [name, value] of Object.entries({ role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": 0, "aria-valuemax": model.names.length - 1, "aria-valuenow": 0 })) element.setAttribute(name, value);
    element.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in steps)) return;
      event.preventDefault();
      const next = steps[event.key](chosen(model) ?? 0);
      if (next !== undefined && next !== null) select(model.number, next, { from: element });
    });
  }
  const says = (element, model, node, column) => {
    element.setAttribute("aria-valuenow", node);
    element.setAttribute("aria-valuetext", told(model, node, column));
  };
  const told = (model, node, column) => {
    const part = share(model, column, node);
    if (!column) return `${model.names[node]}, ${model.types[node]}`;
    return `${model.names[node]}, ${model.types[node]}: ${written(model, column, node)} ${column === "rf" ? "receptive field" : column}${part === null ? "" : `, ${percent(part)}`}`;
  };
  const steps = (list, by) => (node) => {
    const at = list.indexOf(node);
    if (at >= 0) return list[Math.min(Math.max(at + by, 0), list.length - 1)];
    return by > 0 ? list.find((other) => other > node) : list.findLast((other) => other < node);
  };

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

  // The diagram: stages as they were drawn, and modules that open in place

  const LINE = 8.6, BASE = 6, TITLE = 11.6, PAD = 4, NEAR = 0.1;
  const two_decimals = (number) => Number(number.toFixed(2));

  /** A node of a level as it is drawn: where it is, and the level inside if that is open. */
  function nodeOf([names, title, x, y, width, height, role, radius, texts, inside, heading], level, levels, open) {
    const node = { names, title, x, y, width, height, role, radius, texts, inside, heading, middle: x + width / 2 };
    if (inside === null || !open.has(inside)) return node;
    node.level = arranged(levels[inside], levels, open);
    const left = node.level.left + PAD, right = node.level.right + PAD, spare = Math.max(heading.length * 3.9 + 8 - left - right, 0) / 2;
    return Object.assign(node, { left: left + spare, right: right + spare, grown: node.level.height + TITLE });
  }

  /** A level with what is open in it: what stands beside a module moves aside, and what stands below it moves down. */
  function arranged(level, levels, open) {
    const nodes = level.nodes.map((node) => nodeOf(node, level, levels, open)), opened = nodes.filter((node) => node.level);
    const rows = new Map(), columns = new Map();
    for (const node of opened) {
      const beside = nodes.filter((other) => other.y < node.y + node.height && other.y + other.height > node.y);
      const bottom = Math.max(...beside.map((other) => other.y + other.height));
      rows.set(bottom, Math.max(rows.get(bottom) ?? 0, node.y + node.grown - bottom));
      const half = node.width / 2, column = columns.get(node.middle.toFixed(1)) ?? { at: node.middle, half: 0, left: 0, right: 0 };
      column.half = Math.max(column.half, half);
      column.left = Math.max(column.left, node.left - half);
      column.right = Math.max(column.right, node.right - half);
      columns.set(node.middle.toFixed(1), column);
    }
    const down = (y) => [...rows].reduce((sum, [bottom, more]) => sum + (y >= bottom - NEAR ? more : 0), y);
    const aside = (x) => [...columns.values()].reduce((sum, { at, half, left, right }) => sum + (x <= at - half + NEAR ? -left : x >= at + half - NEAR ? right : 0), x);
    for (const node of nodes) {
      const top = down(node.y), wide = node.role === "merge" && node.radius < 5;
      node.shift = wide ? null : aside(node.middle) - node.middle;
      if (wide) [node.x, node.width] = [aside(node.x), aside(node.x + node.width) - aside(node.x)];
      else if (node.level) Object.assign(node, { x: aside(node.middle) - node.left, width: node.left + node.right, entry: aside(node.middle) });
      else node.x += node.shift;
      node.drop = [top - node.y, top - node.y + (node.level ? node.grown - node.height : 0)];
      node.y = top;
      node.height = node.grown ?? node.height;
    }
    const paths = level.wires.map(([start, end, tip, flat]) => ({ tip, points: followed(flat, nodes[start], nodes[end], aside, down) }));
    const [left, right, height] = level.extents;
    return { nodes, paths, left: -aside(-left), right: aside(right), height: down(height) };
  }

  /** The points of a line after its nodes have moved; its ends stay at them. */
  function followed(flat, start, end, aside, down) {
    const from = flat.flatMap((x, i) => (i % 2 ? [] : [[x, flat[i + 1]]])), to = from.map(([x, y]) => [aside(x), down(y)]), last = from.length - 1;
    const upright = (i, j) => Math.abs(from[i][0] - from[j][0]) < NEAR;
    if (start) {
      to[0][1] = from[0][1] + start.drop[1];
      if (start.shift !== null) for (let i = 0; i === 0 || (i <= last && upright(i, i - 1)); i++) to[i][0] = from[i][0] + start.shift;
    }
    if (!end) return to;
    to[last][1] = from[last][1] + end.drop[0];
    if (!upright(last, last - 1)) to[last - 1][1] = to[last][1]; // into the side of a circle
    if (end.shift === null) return to;
    to[last][0] = from[last][0] + end.shift;
    let turn = last - 1;
    for (; turn > 0 && upright(turn, turn + 1); turn--) to[turn][0] = from[turn][0] + end.shift;
    if (turn > 0 || !upright(0, 1) || Math.abs(to[0][0] - to[last][0]) < NEAR) return to;
    const middle = (to[0][1] + to[last][1]) / 2;
    return [to[0], [to[0][0], middle], [to[last][0], middle], to[last]];
  }

  /** A path of steps with rounded corners. */
  function rounded(points) {
    const cut = ([x, y], [cx, cy]) => {
      const length = Math.max(Math.abs(cx - x) + Math.abs(cy - y), 1e-9), part = Math.min(2.5, length / 2) / length;
      return [cx - (cx - x) * part, cy - (cy - y) * part];
    };
    const text = (point) => point.map(two_decimals).join(" ");
    const corners = points.slice(1, -1).map((corner, i) => `L${text(cut(points[i], corner))}Q${text(corner)} ${text(cut(points[i + 2], corner))}`);
    return `M${text(points[0])}${corners.join("")}L${text(points.at(-1))}`;
  }

  function tipped(points) {
    const [[ax, ay], [x, y]] = points.slice(-2), length = Math.max(Math.hypot(x - ax, y - ay), 1e-9), [ux, uy] = [(x - ax) / length, (y - ay) / length];
    return `M${[[x, y], [x - ux * 3.6 - uy * 1.5, y - uy * 3.6 + ux * 1.5], [x - ux * 3.6 + uy * 1.5, y - uy * 3.6 - ux * 1.5]].map((point) => point.map(two_decimals).join(" ")).join("L")}z`;
  }

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

  /** Draw again when the width changes. */
  function redrawn(element, draw) {
    let width = element.clientWidth;
    new ResizeObserver(() => {
      if (Math.abs(element.clientWidth - width) < 2 || matchMedia("print").matches) return;
      width = element.clientWidth;
      draw();
    }).observe(element);
  }

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
      for (const size of limits) svg.append(make("line", { class: "limit", x1: left, x2: width - right, y1: y(size), y2: y(size) }), make("text", { class: "axis", x: width - right, y: y(size) - 4, "text-anchor": "end" }, `image: ${size} pixels`));
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
        if (two) svg.append(make("text", { class: `of-${model.number}`, x: left + 8, y: top + 12 + 15 * model.number }, model.name));
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

  // The selected layer: what it sees, its numbers, and how they are computed

  /** A picture to look at, 100 by 100: a landscape, or a digit for networks of one channel. */
  function scene(channels) {
    const fill = (color) => ({ fill: color });
    if (channels === 1) {
      return [make("rect", { width: 100, height: 100, ...fill("#101014") }), make("path", { d: "M30 27Q50 12 66 25T52 47Q76 51 69 70T29 76", fill: "none", stroke: "#f4f4f4", "stroke-width": 10, "stroke-linecap": "round", "stroke-linejoin": "round" })];
    }
    return [
      make("rect", { width: 100, height: 100, ...fill("#bfe0f2") }),
      make("circle", { cx: 78, cy: 20, r: 9, ...fill("#ffe08a") }),
      make("path", { d: "M0 62L22 30 38 50 58 24 100 66V100H0Z", ...fill("#8fa6b8") }),
      make("path", { d: "M22 30L28 38 22 41 17 38ZM58 24L65 33 58 37 51 33Z", ...fill("#f7fafc") }),
      make("path", { d: "M0 66Q30 54 55 64T100 60V100H0Z", ...fill("#7fb069") }),
      make("rect", { x: 57, y: 58, width: 22, height: 18, ...fill("#d9775f") }),
      make("path", { d: "M53 59L68 45 83 59Z", ...fill("#7d3c2f") }),
      make("rect", { x: 65, y: 66, width: 6, height: 10, ...fill("#4a2a22") }),
      make("rect", { x: 73, y: 62, width: 4, height: 4, ...fill("#fdf3c4") }),
      make("rect", { x: 22, y: 62, width: 4, height: 16, ...fill("#6b4a32") }),
      make("circle", { cx: 24, cy: 56, r: 11, ...fill("#3f7d46") }),
      make("ellipse", { cx: 44, cy: 84, rx: 8, ry: 4.5, ...fill("#f2ede4") }),
      make("circle", { cx: 51, cy: 80, r: 3.2, ...fill("#f2ede4") }),
      make("circle", { cx: 52, cy: 79.4, r: 0.6, ...fill("#222") }),
      make("path", { d: "M39 87V92M42 88V92M46 88V92M49 87V92", fill: "none", stroke: "#8a7d6c", "stroke-width": 1.2 }),
      make("path", { d: "M30 18Q33 14 36 18Q39 14 42 18M44 25Q46 22 48 25Q50 22 52 25", fill: "none", stroke: "#445", "stroke-width": 1 }),
    ];
  }

  function picture(model, node) {
    const cell = model.cells.rf?.[node], [height, width] = model.input.slice(-2), axes = model.input.length - 2;
    if (!cell) return make("p", { class: "muted" }, "It does not depend on the network's input.");
    if (cell.undefined) return make("p", { class: "muted" }, `Receptive field undefined: ${cell.undefined}`);
    if (axes !== 2 || cell.size.length !== 2) return make("p", { class: "muted" }, `One unit sees ${shape(cell.size)} of ${shape(model.input.slice(2))}.`);
    const output = model.cells.output[node] ?? [];
    const sizes = Array.isArray(output[0]) ? output[0] : output;
    const units = sizes.length === 4 && !cell.global ? sizes.slice(2) : [1, 1];
    const stride = cell.stride.map(fraction), unit = units.map((count) => Math.floor(count / 2));
    const svg = make("svg", { role: "img" }), caption = make("figcaption");
    const inside = (low, high, end) => [Math.max(low, 0), Math.min(high, end)];

    function draw() {
      const [top, left] = [0, 1].map((axis) => unit[axis] * stride[axis] - cell.padding[axis]);
      const [bottom, right] = [top + cell.size[0], left + cell.size[1]];
      const room = (beyond, side) => Math.min(Math.max(beyond, side * 0.04), side * 0.4);
      const view = { left: -room(-left, width), top: -room(-top, height), right: width + room(right - width, width), bottom: height + room(bottom - height, height) };
      svg.setAttribute("viewBox", `${view.left} ${view.top} ${view.right - view.left} ${view.bottom - view.top}`);
      const [x0, x1] = inside(left, right, width), [y0, y1] = inside(top, bottom, height);
      const frame = `M0 0H${width}V${height}H0Z`, hole = x1 > x0 && y1 > y0 ? `M${x0} ${y0}V${y1}H${x1}V${y0}Z` : "";
      const place = { x: left, y: top, width: cell.size[1], height: cell.size[0] };
      const shown = { x: x0, y: y0, width: Math.max(x1 - x0, 0), height: Math.max(y1 - y0, 0) };
      svg.replaceChildren(
        make("g", { transform: `scale(${width / 100} ${height / 100})` }, ...scene(model.input[1])),
        make("path", { class: "dim", d: frame + hole }),
        make("rect", { class: "beyond", ...place }),
        make("rect", { class: "window", "stroke-width": 4, ...shown }),
        make("rect", { class: "rim", "stroke-width": 2, ...shown }),
      );
      const covered = (Math.max(x1 - x0, 0) * Math.max(y1 - y0, 0)) / (width * height);
      const outside = left < 0 || top < 0 || right > width || bottom > height;
      const step = cell.stride[0] === 0 ? "" : `, the next unit ${cell.stride[0] === cell.stride[1] ? cell.stride[0] : shape(cell.stride)} further`;
      caption.textContent = `${cell.global ? "It" : `Unit ${unit.join(",")} of ${shape(units)}`} sees ${shape(cell.size)} pixels${step}: ${percent(covered)} of the image${outside ? "; dashed: beyond the border" : ""}.`;
      svg.setAttribute("aria-label", caption.textContent);
    }
    const choose = (axis, value) => {
      unit[axis] = Math.min(Math.max(value, 0), units[axis] - 1);
      draw();
    };
    const ranges = ["row", "column"].map((name, axis) => units[axis] > 1 && make("label", {}, name, make("input", { type: "range", min: 0, max: units[axis] - 1, value: unit[axis], oninput: (event) => choose(axis, Number(event.target.value)) })));
    svg.addEventListener("click", (event) => {
      const box = svg.getScreenCTM().inverse(), point = new DOMPoint(event.clientX, event.clientY).matrixTransform(box);
      [point.y, point.x].forEach((at, axis) => {
        if (units[axis] < 2) return;
        choose(axis, Math.round((at - cell.size[axis] / 2 + cell.padding[axis]) / stride[axis]));
        one("input", ranges[axis]).value = unit[axis];
      });
    });
    draw();
    return make("figure", { class: "picture" }, svg, caption, make("div", { class: "units" }, ...ranges.filter(Boolean)));
  }

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

  // One selection for all parts

  const chosen = (model) => {
    if (!selected) return null;
    if (selected.model === model.number) return selected.node;
    return selected.other ?? null;
  };

  let writing;
  function select(number, node, { column, from, quiet } = {}) {
    const other = two ? partners[number].get(node) ?? null : null;
    selected = { model: number, node, other, column: column ?? selected?.column ?? "macs" };
    for (const model of models) {
      const own = chosen(model);
      model.showRow(own, selected.column, from);
      model.showCost(own);
      model.showGrowth?.();
      model.showDiagram?.(own);
    }
    for (const button of all("[data-nodes]")) {
      const nodes = button.dataset.nodes.split(",");
      button.closest("tr").classList.toggle("selected", nodes[number] === String(node));
    }
    inspect();
    if (quiet) return;
    clearTimeout(writing);
    const name = models[number].names[node];
    writing = setTimeout(() => {
      try {
        history.replaceState(null, "", `#${encodeURIComponent(number ? `2:${name}` : name)}`);
      } catch { /* a page inside another one has no address of its own */ }
    }, 120);
  }

  function fromAddress() {
    let name = "";
    try {
      name = decodeURIComponent(location.hash.slice(1));
    } catch { /* not an address that this page wrote */ }
    for (const [number, wanted] of [[0, name], [1, name.replace(/^2:/, "")]]) {
      const node = models[number]?.named.get(wanted);
      if (name && node !== undefined && (number === 0 || name.startsWith("2:"))) return select(number, node, { quiet: true }), true;
    }
    return false;
  }

  models.forEach(table);
  models.forEach(icicle);
  models.forEach(diagram);
  growth();
  all(".findings [data-node]").forEach((button) => button.addEventListener("click", () => select("ab".indexOf(button.closest("[data-model]").dataset.model), Number(button.dataset.node))));
  all("[data-nodes]").forEach((button) => button.addEventListener("click", () => {
    const [first, second] = button.dataset.nodes.split(",");
    if (second !== "") select(1, Number(second));
    else if (first !== "") select(0, Number(first));
  }));
  if (!fromAddress()) {
    const costs = models[0].cells.macs ?? models[0].cells.params;
    const leaves = costs ? models[0].leaves : [0];
    select(0, leaves.reduce((most, node) => (number(costs?.[node]) > number(costs?.[most]) ? node : most), leaves[0]), { quiet: true });
  }
  addEventListener("hashchange", fromAddress);
  performance.mark("ready");
  document.documentElement.dataset.ready = "";
})();
