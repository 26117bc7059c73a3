"use strict";
// Tables: a button in each header sorts the rows; numbers by value, all else as text.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const order = (a, b) => key(a).localeCompare(key(b), "en", { numeric: true });
      const value = (row) => Number(row.cells[column].dataset.value ?? NaN);
      const rows = [...body.rows].sort((a, b) =>
        Number.isNaN(value(a)) || Number.isNaN(value(b)) ? order(a, b) : value(a) - value(b));
      body.append(...(falling ? rows.reverse() : rows));
    });
  });
}
