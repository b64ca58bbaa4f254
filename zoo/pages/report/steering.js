// Parts that are drawn: one stop for Tab each, and arrow keys as on a slider

/** `steps` says by key which module follows the selected one. */
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
