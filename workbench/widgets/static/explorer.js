// FeatureExplorer: a descriptor over time, one track or two, with a cursor that follows the sound.

const WAVE = 0.3; // share of the height
const GAP = 8;
const short = (value) => String(Number(value.toPrecision(3)));

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  let known = [];
  let panels = [];

  const which = el("select", { "aria-label": "Descriptor", onchange: () => put(model, { descriptor: which.value }) });
  const says = el("span", { class: "wb-quiet-text" });
  const stack = el("div", {});
  const copy = copyButton(ask);
  root.classList.add("wb", "wb-explorer");
  root.append(el("div", { class: "wb-bar" }, el("label", {}, "descriptor ", which), says, el("span", { class: "wb-grow" }), copy.button),
    stack, copy.shown, said.node);

  const load = latest(async () => {
    try {
      if (!known.length) {
        known = await ask("descriptors");
        fill(which, known.map((one) => el("option", { value: one.name }, one.name.replaceAll("_", " "))));
      }
      const name = model.get("descriptor");
      which.value = name;
      const meaning = known.find((one) => one.name === name);
      says.textContent = meaning ? `${meaning.says}${meaning.unit === "1" ? "" : ` (${meaning.unit})`}` : "";
      const ids = [...new Set([model.get("playing"), ...model.get("tracks")])].filter(Boolean).slice(0, 2);
      if (!ids.length) {
        stack.replaceChildren();
        return said.say("Choose a track in a table, a map or a result.");
      }
      said.say("Computing …");
      panels = [];
      for (const id of ids) {
        const track = await ask("track", { track: id });
        const found = await ask("curve", { track: id, name, columns: 1200 }, { slow: true });
        const peaks = await ask("peaks", { track: id, points: 1200 });
        panels.push(panel(track, found, peaks.data, meaning));
      }
      fill(stack, panels.map((one) => one.node));
      panels.forEach((one) => one.draw());
      said.say("");
    } catch (error) {
      said.fail(error);
    }
  });

  function panel(track, found, peaks, meaning) {
    const [rows, columns] = found.values.shape;
    const values = found.values.data;
    const [low, high] = [found.low.data, found.high.data];
    const share = (value, row) => (value - low[row]) / (high[row] - low[row] || 1);
    const canvas = el("canvas", { class: "wb-frames", "aria-label": `${model.get("descriptor")} of ${named(track)}`, role: "img" });
    const read = el("output", { class: "wb-quiet-text" });
    const mine = () => sound.track?.id === track.id;
    const unit = meaning && meaning.unit !== "1" ? ` ${meaning.unit}` : "";

    const ends = found.own_scales ? ["low", "high"] : [short(low[0]), `${short(high[0])}${unit}`];
    const scale = el("span", { class: "wb-legend", title: rows === 1
      ? "Drawn from its lowest to its highest value."
      : "Coloured from the lowest 2 % of the values to the highest 2 %; what lies beyond has the colour of the end." },
      `${ends[0]} `, rows === 1 ? "to" : el("span", { class: "wb-ramp" }), ` ${ends[1]}`,
      found.own_scales ? " of each row by itself: point at one for its value" : null);

    function draw(at = mine() ? sound.now() : null) {
      const { context, width, height } = sized(canvas);
      const wave = Math.round(height * WAVE);
      context.fillStyle = colour(root, "--wb-wave", "#4a7ba6");
      for (let x = 0; x < width; x++) {
        const i = Math.min(Math.floor((x / width) * (peaks.length / 2)), peaks.length / 2 - 1);
        context.fillRect(x, wave / 2 - (peaks[2 * i + 1] * wave) / 2, 1, Math.max(((peaks[2 * i + 1] - peaks[2 * i]) * wave) / 2, 1));
      }
      const tall = height - wave - GAP;
      if (rows === 1) {
        context.strokeStyle = colour(root, "--wb-text", "#1c2430");
        context.beginPath();
        let pen = false;
        for (let i = 0; i < columns; i++) {
          if (!Number.isFinite(values[i])) {
            pen = false;
            continue;
          }
          const [x, y] = [(i / columns) * width, height - share(values[i], 0) * (tall - 2) - 1];
          if (pen) context.lineTo(x, y);
          else context.moveTo(x, y);
          pen = true;
        }
        context.stroke();
      } else {
        for (let r = 0; r < rows; r++) {
          for (let x = 0; x < width; x++) {
            const value = values[r * columns + Math.floor((x / width) * columns)];
            context.fillStyle = Number.isFinite(value) ? `rgb(${viridis(share(value, r)).join()})` : "#b9bec5";
            context.fillRect(x, height - ((r + 1) * tall) / rows, 1, tall / rows + 0.5);
          }
        }
      }
      if (at !== null) {
        context.fillStyle = colour(root, "--wb-head", "#d55e00");
        context.fillRect((at / track.duration_s) * width, 0, 1.5, height);
      }
    }

    const secondsAt = (event) => {
      const box = canvas.getBoundingClientRect();
      return ((event.clientX - box.left) / box.width) * track.duration_s;
    };
    const rowAt = (event) => {
      const box = canvas.getBoundingClientRect();
      const top = Math.round(box.height * WAVE) + GAP;
      const row = Math.floor(((box.bottom - event.clientY) / (box.height - top)) * rows);
      return row >= 0 && row < rows ? row : null;
    };
    canvas.addEventListener("pointermove", (event) => {
      const seconds = secondsAt(event);
      const i = Math.min(Math.max(Math.floor((seconds / track.duration_s) * columns), 0), columns - 1);
      const row = rows === 1 ? 0 : rowAt(event);
      const value = row === null ? NaN : values[row * columns + i];
      const whose = rows === 1 || row === null ? "" : `${found.rows[row]}: `;
      read.textContent = `${time(seconds, 2)} ${whose}${Number.isFinite(value) ? value.toPrecision(4) + unit : row === null ? "" : "–"}`;
      panels.forEach((one) => one.draw(seconds));
    });
    canvas.addEventListener("pointerleave", () => panels.forEach((one) => one.draw()));
    canvas.addEventListener("click", (event) => sound.play(ask, track, secondsAt(event)));
    return { node: el("section", {}, el("div", { class: "wb-bar" }, playButton(ask, track), el("span", { class: "wb-title" }, named(track)), el("span", { class: "wb-grow" }), read, scale), canvas), draw };
  }

  const follow = () => {
    if (!sound.playing || !root.isConnected) return;
    panels.forEach((one) => one.draw());
    requestAnimationFrame(follow);
  };
  sound.addEventListener("change", follow);
  model.on("change:playing change:tracks change:descriptor", load);
  const watcher = new ResizeObserver(() => panels.forEach((one) => one.draw()));
  watcher.observe(stack);
  load();
  return () => {
    watcher.disconnect();
    sound.removeEventListener("change", follow);
  };
}

export default { render };
