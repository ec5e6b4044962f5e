// Sorts the table of trials by the head that is clicked, and shows the rows that have all words of its filter. Of
// tables of which one is shown, a menu chooses another.
addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".choice").forEach(addChoice);
  for (const table of document.querySelectorAll("table.trials")) {
    const heads = [...table.querySelectorAll("th")], body = table.tBodies[0];
    heads.forEach((head, column) => {
      head.tabIndex = 0;
      const sort = () => {
        const descending = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(other => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const rows = [...body.rows].map(row => [row, row.cells[column].textContent]);
        rows.sort((one, other) => (descending ? -1 : 1) * compareCells(one[1], other[1]));
        body.append(...rows.map(([row]) => row));
      };
      head.addEventListener("click", sort);
      head.addEventListener("keydown", event => event.key === "Enter" && sort());
    });
    const filter = table.parentElement.querySelector(".filter");
    filter?.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/);
      for (const row of body.rows) {
        row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
      }
    });
  }
});

function addChoice(place) {
  const parts = [...place.children], menu = document.createElement("select");
  parts.forEach((part, k) => menu.add(new Option(part.dataset.choice, k)));
  menu.addEventListener("change", () => parts.forEach((part, k) => part.hidden = k !== Number(menu.value)));
  const label = document.createElement("label");
  label.className = "menus";
  label.append(`${place.dataset.label}: `, menu);
  place.prepend(label);
}

// A cell that is no number comes after all numbers.
function compareCells(one, other) {
  const numbers = [one, other].map(text => text.trim() === "" ? NaN : Number(text));
  if (numbers.some(Number.isNaN)) {
    return Number.isNaN(numbers[0]) - Number.isNaN(numbers[1]) || one.localeCompare(other);
  }
  return numbers[0] - numbers[1];
}
