"use strict";
// Sorting the table of students: numbers as numbers, text as text, a second click the other way round.
const table = document.getElementById("students");
const body = table.tBodies[0];
const collator = new Intl.Collator("zh-CN", { numeric: true });
table.tHead.querySelectorAll("th").forEach((head, column) => {
  const button = head.querySelector("button");
  if (!button) return;
  button.addEventListener("click", () => {
    const numeric = head.classList.contains("num");
    const down = head.ariaSort ? head.ariaSort === "ascending" : numeric;
    table.tHead.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => row.cells[column].dataset.value;
    const compare = numeric ? (a, b) => value(a) - value(b) : (a, b) => collator.compare(value(a), value(b));
    const rows = Array.from(body.rows).sort((a, b) => (down ? -compare(a, b) : compare(a, b)));
    body.append(...rows);
  });
});
