// SonicMap: points on a canvas; hover, click, lasso, zoom with the wheel or + and −.

const MANY = 20000; // from so many points on each is some pixels
const UNKNOWN = "#b9bec5";
const OKABE_ITO = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#8c6d1f", "#444444", "#a0a6ad"];

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  let points = null;
  let codes = null;
  let chosen = new Set();
  let hovered = -1;
  let palette = OKABE_ITO;
  let home = null; // from where all is seen
  let place = null;
  let lasso = null;

  const by = el("select", { "aria-label": "Colour by", onchange: () => {
    put(model, { colour: by.value });
  } });
  const shadeName = (name) => name.replace(/_lufs$|_s$|^label\./, "").replace("camelot", "key");
  const legend = el("div", { class: "wb-legend" });
  const count = el("span", { class: "wb-quiet-text", "aria-live": "polite" });
  const canvas = el("canvas", { class: "wb-map", tabindex: "0", role: "application",
    "aria-label": "Map of the library. Arrows move, plus and minus zoom, Enter selects what is in view, Escape selects none." });
  const over = el("canvas", { class: "wb-over", "aria-hidden": "true" });
  const tip = el("div", { class: "wb-tip", hidden: true });
  const copy = copyButton(ask);
  root.classList.add("wb", "wb-sonic-map");
  root.append(
    el("div", { class: "wb-bar" }, el("label", {}, "colour by ", by), count, el("span", { class: "wb-grow" }),
      el("button", { type: "button", class: "wb-quiet", "aria-label": "Closer", onclick: () => zoom(1.5) }, "+"),
      el("button", { type: "button", class: "wb-quiet", "aria-label": "Farther", onclick: () => zoom(1 / 1.5) }, "−"),
      el("button", { type: "button", class: "wb-quiet", onclick: () => goHome() }, "All"),
      el("button", { type: "button", class: "wb-quiet", onclick: () => choose([]) }, "Select none"), copy.button),
    el("div", { class: "wb-map-frame" }, canvas, over, tip), legend,
    el("div", { class: "wb-quiet-text wb-small" }, "Click to hear, draw around points to select them; keys: arrows, + − 0, Enter for what is in view."), copy.shown, said.node,
  );

  async function load() {
    try {
      said.say("Laying the library out …");
      performance.mark("workbench map asked");
      const found = await ask("points", {}, { slow: true });
      points = { x: found.x.data, y: found.y.data, clusters: found.clusters };
      home = whole();
      place = { ...home };
      said.say(points.x.length ? "" : "No tracks yet: analyze a folder first.");
      await loadColours();
      performance.measure("workbench map drawn", "workbench map asked");
      await loadChosen();
    } catch (error) {
      said.fail(error);
    }
  }

  /** The place from which all points are seen. */
  function whole() {
    const around = (values) => {
      let [low, high] = [Infinity, -Infinity];
      for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
      return values.length ? [low, high] : [-1, 1];
    };
    const [[left, right], [bottom, top]] = [around(points.x), around(points.y)];
    return { x: (left + right) / 2, y: (bottom + top) / 2, scale: 1, spanX: right - left || 1, spanY: top - bottom || 1 };
  }

  const loadColours = latest(async () => {
    try {
      const names = await ask("shades");
      fill(by, names.map((name) => el("option", { value: name }, shadeName(name))));
      by.value = model.get("colour");
      const found = await ask("colours", { name: model.get("colour") }, { slow: true });
      codes = found.codes.data;
      palette = found.kinds ? OKABE_ITO : Array.from({ length: 255 }, (_, code) => `rgb(${viridis(code / 254).join()})`);
      fill(legend, found.kinds
        ? [...found.kinds.slice(0, 8).map((name, i) => el("span", {}, el("i", { style: { background: OKABE_ITO[i] } }), name)),
           found.kinds.length > 8 ? el("span", {}, el("i", { style: { background: OKABE_ITO[8] } }), "others") : null]
        : [el("span", {}, fixed(found.low)), el("span", { class: "wb-ramp" }), el("span", {}, fixed(found.high))]);
      draw();
    } catch (error) {
      said.fail(error);
    }
  });

  const loadChosen = latest(async () => {
    const tracks = model.get("tracks");
    chosen = new Set(tracks.length ? await ask("find", { tracks }) : []);
    count.textContent = chosen.size ? `${chosen.size.toLocaleString()} selected` : "";
    draw();
  });

  const size = () => {
    const { clientWidth: width, clientHeight: height } = canvas;
    return { width, height, unit: 0.9 * Math.min(width / home.spanX, height / home.spanY) };
  };
  const toScreen = (i, now) => [
    now.width / 2 + (points.x[i] - place.x) * place.scale * now.unit,
    now.height / 2 - (points.y[i] - place.y) * place.scale * now.unit,
  ];
  const colourOf = (code) => (code === 255 ? UNKNOWN : palette[code]);

  function draw() {
    const { context } = sized(canvas);
    if (!points || !codes || !canvas.clientWidth) return;
    const now = size();
    if (points.x.length > MANY) drawMany(context, now);
    else drawFew(context, now);
    drawOver();
  }

  function drawFew(context, now) {
    const r = points.x.length > 2000 ? 2 : 4;
    context.globalAlpha = chosen.size ? 0.3 : 0.85;
    for (let i = 0; i < points.x.length; i++) {
      const [x, y] = toScreen(i, now);
      context.fillStyle = colourOf(codes[i]);
      context.beginPath();
      context.arc(x, y, r, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  /** As pixels: a hundred thousand circles would take seconds. */
  function drawMany(context, now) {
    const ratio = window.devicePixelRatio || 1;
    const { width, height } = canvas;
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const alpha = chosen.size ? 0x50000000 : 0xff000000;
    const shades = new Uint32Array(256);
    for (let code = 0; code < 256; code++) shades[code] = packed(colourOf(code)) | alpha;
    const side = Math.max(1, Math.round((place.scale > 4 ? 3 : 2) * ratio));
    for (let i = 0; i < points.x.length; i++) {
      const [x, y] = toScreen(i, now);
      const [left, top] = [Math.round(x * ratio), Math.round(y * ratio)];
      if (left < 0 || top < 0 || left + side > width || top + side > height) continue;
      const shade = shades[codes[i]];
      for (let dy = 0; dy < side; dy++) pixels.fill(shade, (top + dy) * width + left, (top + dy) * width + left + side);
    }
    context.putImageData(image, 0, 0);
  }

  function packed(shade) {
    const [r, g, b] = shade?.startsWith("#")
      ? [1, 3, 5].map((at) => parseInt(shade.slice(at, at + 2), 16))
      : (shade ?? "0,0,0").match(/\d+/g).map(Number);
    return (b << 16) | (g << 8) | r;
  }

  /** What changes while somebody draws: the points below stay as they are. */
  function drawOver() {
    const { context } = sized(over);
    if (!points || !codes) return;
    const now = size();
    const r = points.x.length > MANY ? 2 : points.x.length > 2000 ? 3 : 5;
    context.strokeStyle = colour(root, "--wb-text", "#1c2430");
    context.lineWidth = 1;
    for (const i of chosen) {
      context.fillStyle = colourOf(codes[i]);
      const [x, y] = toScreen(i, now);
      if (chosen.size > 2000) {
        context.fillRect(x - 1, y - 1, 2, 2);
        continue;
      }
      context.beginPath();
      context.arc(x, y, r, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
    context.fillStyle = colour(root, "--wb-text", "#1c2430");
    context.font = "12px sans-serif";
    context.textAlign = "center";
    for (const cluster of points.clusters) {
      const x = now.width / 2 + (cluster.x - place.x) * place.scale * now.unit;
      const y = now.height / 2 - (cluster.y - place.y) * place.scale * now.unit - 8;
      context.strokeStyle = colour(root, "--wb-ground", "#fff");
      context.lineWidth = 4;
      context.strokeText(cluster.name, x, y);
      context.fillText(cluster.name, x, y);
    }
    if (!lasso) return;
    context.strokeStyle = colour(root, "--wb-head", "#d55e00");
    context.lineWidth = 1.5;
    context.beginPath();
    lasso.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }

  const goHome = () => {
    if (!home) return;
    place = { ...home };
    draw();
  };
  const zoom = (by, at = [canvas.clientWidth / 2, canvas.clientHeight / 2]) => {
    if (!points) return;
    const now = size();
    const scale = Math.min(Math.max(place.scale * by, 0.5), 200);
    const keep = (1 / (place.scale * now.unit)) - 1 / (scale * now.unit);
    place = { ...place, scale, x: place.x + (at[0] - now.width / 2) * keep, y: place.y - (at[1] - now.height / 2) * keep };
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

  function within(holds) {
    const now = size();
    return Array.from(points.x.keys()).filter((i) => holds(toScreen(i, now)));
  }

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
      return drawOver();
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
      if (found < 0) return drawOver();
      const track = await ask("point", { number: found });
      put(model, { playing: track.id, tracks: [track.id] });
      sound.play(ask, track);
      return;
    }
    choose(within((at) => inside(at, shape)));
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas) return; // the page scrolls until the map is what one is at
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, placeOf(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (!points) return;
    const step = (0.1 * home.spanX) / place.scale;
    const keys = {
      "+": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: goHome, Escape: () => choose([]),
      Enter: () => choose(within(([x, y]) => x >= 0 && y >= 0 && x <= canvas.clientWidth && y <= canvas.clientHeight)),
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
  model.on("change:refreshed", load);
  const watcher = new ResizeObserver(draw);
  watcher.observe(canvas);
  load();
  return () => watcher.disconnect();
}

export default { render };
