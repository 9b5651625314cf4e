// SonicMap: points on a canvas; hover, click, lasso, zoom with the wheel or + and −.

const OKABE_ITO = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#8c6d1f", "#444444", "#a0a6ad"];

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  let points = null;
  let codes = null;
  let chosen = new Set();
  let hovered = -1;
  let place = { x: 0, y: 0, scale: 1 };
  let lasso = null;

  const names = ["cluster", "mood", "camelot", "bpm", "energy", "valence", "arousal", "danceability", "loudness_lufs", "duration_s"];
  const by = el("select", { "aria-label": "Colour by", onchange: () => {
    model.set("colour", by.value);
    model.save_changes();
    loadColours();
  } }, names.map((name) => el("option", { value: name }, name.replace("_lufs", "").replace("_s", "").replace("camelot", "key"))));
  const legend = el("div", { class: "wb-legend" });
  const count = el("span", { class: "wb-quiet-text", "aria-live": "polite" });
  const canvas = el("canvas", { class: "wb-map", tabindex: "0", role: "img", "aria-label": "Map of the library" });
  const tip = el("div", { class: "wb-tip", hidden: true });
  const copy = copyButton(ask);
  root.classList.add("wb", "wb-sonic-map");
  root.append(
    el("div", { class: "wb-bar" }, el("label", {}, "colour by ", by), count, el("span", { class: "wb-grow" }),
      el("button", { type: "button", class: "wb-quiet", "aria-label": "Closer", onclick: () => zoom(1.5) }, "+"),
      el("button", { type: "button", class: "wb-quiet", "aria-label": "Farther", onclick: () => zoom(1 / 1.5) }, "−"),
      el("button", { type: "button", class: "wb-quiet", onclick: () => choose([]) }, "Select none"), copy.button),
    el("div", { class: "wb-map-frame" }, canvas, tip), legend, copy.shown, said.node,
  );

  async function load() {
    try {
      said.say("Laying the library out …");
      const found = await ask("points", {}, { slow: true });
      points = { x: found.x.data, y: found.y.data, clusters: found.clusters };
      said.say(points.x.length ? "" : "No tracks yet: analyze a folder first.");
      await loadColours();
      await loadChosen();
    } catch (error) {
      said.fail(error);
    }
  }

  async function loadColours() {
    by.value = model.get("colour");
    const found = await ask("colours", { name: model.get("colour") }, { slow: true });
    codes = found.codes.data;
    fill(legend, found.kinds
      ? [...found.kinds.slice(0, 8).map((name, i) => el("span", {}, el("i", { style: { background: OKABE_ITO[i] } }), name)),
         found.kinds.length > 8 ? el("span", {}, el("i", { style: { background: OKABE_ITO[8] } }), "others") : null]
      : [el("span", {}, fixed(found.low)), el("span", { class: "wb-ramp" }), el("span", {}, fixed(found.high))]);
    draw();
  }

  async function loadChosen() {
    const tracks = model.get("tracks");
    chosen = new Set(tracks.length ? await ask("find", { tracks }) : []);
    count.textContent = chosen.size ? `${chosen.size.toLocaleString()} selected` : "";
    draw();
  }

  const colourOf = (code) => {
    if (code === 255) return "#b9bec5";
    if (["cluster", "mood", "camelot"].includes(model.get("colour"))) return OKABE_ITO[code];
    return `rgb(${viridis(code / 254).join()})`;
  };
  const toScreen = (i, size) => [
    size.width / 2 + (points.x[i] - place.x) * place.scale * size.unit,
    size.height / 2 - (points.y[i] - place.y) * place.scale * size.unit,
  ];
  const size = () => ({ width: canvas.clientWidth, height: canvas.clientHeight, unit: Math.min(canvas.clientWidth, canvas.clientHeight) / 5 });

  function draw() {
    const { context } = sized(canvas);
    if (!points || !codes) return;
    const now = size();
    const r = points.x.length > 20000 ? 1 : points.x.length > 2000 ? 1.6 : 3;
    const order = new Map();
    for (let i = 0; i < points.x.length; i++) {
      if (!order.has(codes[i])) order.set(codes[i], []);
      order.get(codes[i]).push(i);
    }
    context.globalAlpha = chosen.size ? 0.35 : 0.85;
    for (const [code, some] of order) {
      context.fillStyle = colourOf(code);
      for (const i of some) {
        const [x, y] = toScreen(i, now);
        if (x > -r && y > -r && x < now.width + r && y < now.height + r) context.fillRect(x - r, y - r, 2 * r, 2 * r);
      }
    }
    context.globalAlpha = 1;
    for (const i of chosen) {
      context.fillStyle = colourOf(codes[i]);
      const [x, y] = toScreen(i, now);
      context.fillRect(x - r - 1, y - r - 1, 2 * r + 2, 2 * r + 2);
    }
    context.fillStyle = colour(root, "--wb-text", "#1c2430");
    context.font = "12px sans-serif";
    context.textAlign = "center";
    for (const cluster of points.clusters) {
      const x = now.width / 2 + (cluster.x - place.x) * place.scale * now.unit;
      const y = now.height / 2 - (cluster.y - place.y) * place.scale * now.unit;
      context.strokeStyle = colour(root, "--wb-ground", "#fff");
      context.lineWidth = 4;
      context.strokeText(cluster.name, x, y);
      context.fillText(cluster.name, x, y);
    }
    if (lasso) {
      context.strokeStyle = colour(root, "--wb-head", "#d55e00");
      context.lineWidth = 1.5;
      context.beginPath();
      lasso.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.stroke();
    }
  }

  const zoom = (by, at = [canvas.clientWidth / 2, canvas.clientHeight / 2]) => {
    const now = size();
    const scale = Math.min(Math.max(place.scale * by, 0.5), 200);
    const keep = (1 / (place.scale * now.unit)) - 1 / (scale * now.unit);
    place = { scale, x: place.x + (at[0] - now.width / 2) * keep, y: place.y - (at[1] - now.height / 2) * keep };
    draw();
  };

  function nearest([x, y]) {
    const now = size();
    let best = -1;
    let least = 12 ** 2;
    for (let i = 0; i < points.x.length; i++) {
      const [px, py] = toScreen(i, now);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  const inside = ([x, y], shape) => {
    let odd = false;
    for (let i = 0, j = shape.length - 1; i < shape.length; j = i++) {
      const [[xi, yi], [xj, yj]] = [shape[i], shape[j]];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
    }
    return odd;
  };

  async function choose(numbers) {
    await ask("choose", {}, { buffers: [new Int32Array(numbers).buffer] });
  }

  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const hover = latest(async (number, at) => {
    if (number < 0) return (tip.hidden = true);
    const track = await ask("point", { number });
    tip.textContent = [named(track), track.artist, track.bpm && `${fixed(track.bpm)} BPM`, track.camelot].filter(Boolean).join(" · ");
    Object.assign(tip.style, { left: `${Math.min(at[0] + 12, canvas.clientWidth - 180)}px`, top: `${at[1] + 12}px` });
    tip.hidden = false;
  }, 60);

  canvas.addEventListener("pointerdown", (event) => {
    if (!points) return;
    canvas.setPointerCapture(event.pointerId);
    lasso = [placeOf(event)];
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!points) return;
    const at = placeOf(event);
    if (lasso) {
      lasso.push(at);
      return draw();
    }
    const found = nearest(at);
    if (found !== hovered) {
      hovered = found;
      hover(found, at);
    }
  });
  canvas.addEventListener("pointerup", async (event) => {
    const shape = lasso;
    lasso = null;
    if (!shape) return;
    if (shape.length < 6) {
      const found = nearest(placeOf(event));
      if (found < 0) return draw();
      const track = await ask("point", { number: found });
      model.set("playing", track.id);
      model.set("tracks", [track.id]);
      model.save_changes();
      sound.play(ask, track);
      return;
    }
    const now = size();
    const within = [];
    for (let i = 0; i < points.x.length; i++) if (inside(toScreen(i, now), shape)) within.push(i);
    choose(within);
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, placeOf(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = 0.3 / place.scale;
    const keys = {
      "+": () => zoom(1.5), "-": () => zoom(1 / 1.5), Escape: () => choose([]),
      ArrowLeft: () => (place.x -= step), ArrowRight: () => (place.x += step),
      ArrowUp: () => (place.y += step), ArrowDown: () => (place.y -= step),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
    draw();
  });

  model.on("change:tracks", loadChosen);
  model.on("change:colour", loadColours);
  const watcher = new ResizeObserver(draw);
  watcher.observe(canvas);
  load();
  return () => watcher.disconnect();
}

export default { render };
