document.documentElement.classList.add("scripted");

// Tables: a button in each header sorts the rows; numbers by value, all else as text.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  if (!table.tHead || body.rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    if (!head.textContent.trim()) return;
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

// Charts: a box of the legend shows and hides the drawn parts of its series.
for (const box of document.querySelectorAll(".legend input")) {
  const show = () => {
    for (const group of box.dataset.groups.split(" ")) {
      const parts = box.closest(".switched").querySelectorAll(`[id*="-series${group}-"]`);
      for (const part of parts) part.toggleAttribute("hidden", !box.checked);
    }
  };
  box.addEventListener("change", show);
  show(); // a browser may remember boxes of an earlier visit
}

// Links to closed details open them.
const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let place = target; place; place = place.parentElement) {
    if (place.tagName === "DETAILS") place.open = true;
  }
  target?.scrollIntoView();
};
window.addEventListener("hashchange", open);
if (location.hash) open();

// Documents: a button saves each as a file.
const downloads = document.getElementById("downloads");
for (const source of document.querySelectorAll('script[id^="document-"]')) {
  if (!downloads) break;
  const name = source.id.slice("document-".length);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain-button";
  button.textContent = `Save ${name}`;
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([source.textContent], { type: "application/json" }));
    link.download = name.replaceAll("/", "-");
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  downloads.append(button);
  downloads.hidden = false;
}
