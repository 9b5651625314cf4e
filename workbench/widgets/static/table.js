// TrackTable: pages of rows; sort by a head, filter by an expression, select by click and keyboard.

const RARELY = new Set(["album", "mood", "energy", "loudness_lufs"]); // not on a phone

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  let heads = [];
  let rows = [];
  let trail = [null]; // what was asked for each page so far
  let further = null;
  let total = null;
  let anchor = 0;

  const filter = el("input", {
    type: "search", class: "wb-grow", "aria-label": "Only tracks where",
    placeholder: 'only where…  bpm > 120 and key == "A minor"',
    onchange: () => set("where", filter.value.trim()),
  });
  const counted = el("span", { class: "wb-quiet-text", "aria-live": "polite" });
  const table = el("table", { class: "wb-table" });
  const before = el("button", { type: "button", class: "wb-quiet", onclick: () => turn(-1) }, "‹ Previous");
  const after = el("button", { type: "button", class: "wb-quiet", onclick: () => turn(1) }, "Next ›");
  const place = el("span", { class: "wb-quiet-text" });
  const copy = copyButton(ask);
  root.classList.add("wb", "wb-tracks");
  root.append(
    el("div", { class: "wb-bar" }, filter, counted),
    el("div", { class: "wb-scroll" }, table),
    el("div", { class: "wb-bar wb-small" }, before, place, after, el("span", { class: "wb-grow" }), copy.button),
    copy.shown,
    said.node,
  );

  const set = (key, value) => {
    put(model, { [key]: value });
  };

  const load = latest(async () => {
    try {
      if (!heads.length) heads = await ask("heads");
      const page = await ask("page", { after: trail[trail.length - 1] });
      ({ rows, next: further } = page);
      said.say(rows.length || model.get("where") ? "" : "No tracks yet: analyze a folder first.");
      draw();
      total = await ask("count");
      counted.textContent = `${total.toLocaleString()} track${total === 1 ? "" : "s"}`;
      drawPlace();
    } catch (error) {
      said.fail(error);
    }
  });

  function restart() {
    filter.value = model.get("where");
    trail = [null];
    load();
  }

  function turn(by) {
    if (by > 0 && further) trail.push(further);
    else if (by < 0 && trail.length > 1) trail.pop();
    else return;
    load();
  }

  function sortBy(name) {
    const same = model.get("sort") === name;
    put(model, { sort: name, descending: same && !model.get("descending") });
    restart();
  }

  function select(index, event) {
    const id = rows[index].id;
    const chosen = model.get("tracks");
    if (event.shiftKey) {
      const [first, last] = [Math.min(anchor, index), Math.max(anchor, index)];
      set("tracks", rows.slice(first, last + 1).map((row) => row.id));
    } else if (event.ctrlKey || event.metaKey) {
      set("tracks", chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
      anchor = index;
    } else {
      set("tracks", [id]);
      anchor = index;
    }
    drawSelection();
  }

  const kind = ({ name, digits }) =>
    `${digits === null && name !== "duration_s" ? "" : "wb-number"} ${RARELY.has(name) ? "wb-rarely" : ""}`;

  function cell(row, head) {
    const value = row[head.name];
    if (head.name === "title") return named(row);
    if (head.name === "duration_s") return time(value);
    return head.digits === null ? (value ?? "–") : fixed(value, head.digits);
  }

  function draw() {
    const sort = model.get("sort");
    const down = model.get("descending");
    const head = el("tr", {}, el("th", { scope: "col" }, el("span", { class: "wb-hidden" }, "Play")));
    for (const { name, title, digits, sorts } of heads) {
      const on = sort === name;
      const button = el("button", { type: "button", onclick: () => sortBy(name) }, title, on ? (down ? " ↓" : " ↑") : "");
      head.append(
        el(
          "th",
          { scope: "col", class: kind({ name, digits }),
            "aria-sort": !sorts ? null : on ? (down ? "descending" : "ascending") : "none" },
          sorts ? button : title,
        ),
      );
    }
    const body = rows.map((row, index) => {
      const line = el(
        "tr",
        { tabindex: "0", "data-id": row.id, onclick: (event) => select(index, event), ondblclick: () => play(index) },
        el("td", {}, playButton(ask, row, { onplay: () => set("playing", row.id) })),
        heads.map((one) =>
          el("td", { class: kind(one) }, String(cell(row, one))),
        ),
      );
      line.addEventListener("keydown", (event) => onKey(event, index));
      return line;
    });
    table.replaceChildren(el("thead", {}, head), el("tbody", {}, body));
    drawPlace();
    drawSelection();
  }

  function drawPlace() {
    const first = (trail.length - 1) * model.get("per_page");
    place.textContent = rows.length
      ? `${(first + 1).toLocaleString()} – ${(first + rows.length).toLocaleString()}${total ? ` of ${total.toLocaleString()}` : ""}`
      : "Nothing fits";
    before.disabled = trail.length < 2;
    after.disabled = !further;
  }

  function drawSelection() {
    const chosen = new Set(model.get("tracks"));
    for (const line of table.querySelectorAll("tbody tr")) {
      const on = chosen.has(line.dataset.id);
      line.classList.toggle("wb-chosen", on);
      line.setAttribute("aria-selected", String(on));
    }
  }

  function play(index) {
    set("playing", rows[index].id);
    sound.play(ask, rows[index]);
  }

  function onKey(event, index) {
    if (event.target.closest("button")) return;
    const lines = table.querySelectorAll("tbody tr");
    const keys = {
      ArrowDown: () => lines[Math.min(index + 1, lines.length - 1)].focus(),
      ArrowUp: () => lines[Math.max(index - 1, 0)].focus(),
      PageDown: () => turn(1),
      PageUp: () => turn(-1),
      Enter: () => (select(index, event), set("playing", rows[index].id)),
      " ": () => (sound.playing ? sound.stop() : play(index)),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  }

  model.on("change:where change:columns change:per_page", restart);
  model.on("change:refreshed", () => {
    heads = [];
    load();
  });
  model.on("change:tracks", drawSelection);
  restart();
}

export default { render };
