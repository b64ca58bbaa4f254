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
