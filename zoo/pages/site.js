"use strict";
(() => {
  const all = (query) => [...document.querySelectorAll(query)];
  const table = document.querySelector(".catalogue");
  if (table) {
    const rows = [...table.tBodies[0].rows], heads = all(".catalogue thead button");
    const search = document.querySelector("#search"), count = document.querySelector("#count");
    const choices = ["family", "input"].map((name) => [name, document.querySelector(`#${name}`)]);
    const squeezed = (text) => text.toLowerCase().replace(/[\s_-]+/g, "");

    function show() {
      const words = search.value.trim().split(/\s+/).map(squeezed);
      for (const row of rows) {
        const found = words.every((word) => row.dataset.words.includes(word));
        row.hidden = !found || choices.some(([name, choice]) => choice.value && row.dataset[name] !== choice.value);
      }
      count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} networks`;
    }
    search.addEventListener("input", show);
    for (const [, choice] of choices) choice.addEventListener("change", show);

    const key = (row, index) => {
      const cell = row.cells[index];
      return cell.dataset.key === undefined ? cell.textContent : cell.dataset.key === "" ? -1 : Number(cell.dataset.key);
    };
    heads.forEach((head, index) =>
      head.addEventListener("click", () => {
        const own = head.parentElement, down = own.ariaSort ? own.ariaSort === "ascending" : typeof key(rows[0], index) === "number";
        for (const other of heads) other.parentElement.removeAttribute("aria-sort");
        own.setAttribute("aria-sort", down ? "descending" : "ascending");
        const sorted = rows.map((row) => [key(row, index), row]).sort(([a], [b]) => ((a > b) - (a < b)) * (down ? -1 : 1));
        table.tBodies[0].append(...sorted.map(([, row]) => row));
      }),
    );
  }
  performance.mark("ready");
  document.documentElement.dataset.ready = "";
})();
