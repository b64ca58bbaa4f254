// Everything else only declares what is used from here on

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
