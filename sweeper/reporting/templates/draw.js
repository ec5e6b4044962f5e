// Unpacks plotly.js and draws the figures once the whole page is laid out, and again whenever one of them gets another
// width. A print does not wait for observers, so the figures get the width of the printed page just before it, and lose
// it just after. A figure that is larger than a printed page is made smaller, its names too.
addEventListener("DOMContentLoaded", async () => {
  const plots = [...document.querySelectorAll(".plot")];
  if (!plots.length) return;
  try {
    await loadPlotly();
  } catch (error) {
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.textContent = "The figures need a browser of 2023 or later; the tables do not.";
    document.querySelector("header").append(notice);
    return;
  }
  const resizer = new ResizeObserver(entries => entries.forEach(entry => fit(entry.target, entry.target.clientWidth)));
  for (const plot of plots) {
    const {data, layout, config} = JSON.parse(plot.nextElementSibling.textContent);
    Plotly.newPlot(plot, data, layout, config).then(() => resizer.observe(plot));
    if (layout.meta && layout.meta.axes) addMenus(plot, layout.meta.axes);
  }
  addEventListener("beforeprint", () => {
    document.body.classList.add("printed");
    for (const plot of plots) {
      plot.parentElement.style.zoom = Math.min(1, 900 / plot.clientWidth, 1050 / plot.clientHeight);
      Plotly.relayout(plot, {width: plot.clientWidth, ...namedClasses(plot, plot.clientWidth)});
    }
  });
  addEventListener("afterprint", () => {
    document.body.classList.remove("printed");
    for (const plot of plots) {
      plot.parentElement.style.zoom = 1;
      Plotly.relayout(plot, {width: null, autosize: true, ...namedClasses(plot, plot.clientWidth)});
    }
  });
});

async function loadPlotly() {
  const packed = Uint8Array.from(atob(document.getElementById("plotly-js").textContent), char => char.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}

function fit(plot, width) {
  if (!width) return;  // it is not displayed
  const names = namedClasses(plot, width);
  const changed = "xaxis.tickvals" in names && names["xaxis.tickvals"].length !== plot.layout.xaxis.tickvals.length;
  (changed ? Plotly.relayout(plot, {...names, autosize: true}) : Plotly.Plots.resize(plot)).catch(() => {});
}

// Adds two menus above a figure, for the hyperparameters of its axes.
function addMenus(plot, axes) {
  const menus = document.createElement("div");
  menus.className = "menus";
  for (const [side, chosen] of [["x", 0], ["y", 1]]) {
    const label = document.createElement("label"), menu = document.createElement("select");
    axes.forEach((axis, k) => menu.add(new Option(axis.name, k, false, k === chosen)));
    menu.addEventListener("change", () => {
      const axis = axes[menu.value], layout = {[`${side}axis.title.text`]: axis.title};
      for (const [name, value] of Object.entries(axis.layout)) layout[`${side}axis.${name}`] = value;
      Plotly.update(plot, {[side]: [axis.values]}, layout);
    });
    label.append(side === "x" ? "across: " : "up: ", menu);
    menus.append(label);
  }
  plot.before(menus);
}

// Return the ticks below a matrix of classes, so few that their names do not meet.
function namedClasses(plot, width) {
  const classes = plot.layout.meta && plot.layout.meta.classes;
  if (!classes) return {};
  const step = Math.max(1, Math.ceil(13 * classes.names.length / Math.max(60, width - classes.margin)));
  const kept = classes.names.filter((_, k) => k % step === 0);
  return {"xaxis.tickvals": kept, "xaxis.ticktext": kept};
}
