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
