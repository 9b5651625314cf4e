// PlaylistBuilder: a box for words, the mood plane, the energy curve, rules; the list with its joins.

const POINTS = 5;
const PLANE = [["tense", "energetic", "euphoric"], ["dark", "neutral", "happy"], ["sad", "calm", "peaceful"]];

/** Where a curve is at a share of the way: a named one as it is drawn, points with lines between them. */
function along(curve, share) {
  const shape = { flat: 0.5, rise: share, fall: 1 - share, arc: Math.sin(Math.PI * share) }[curve];
  if (shape !== undefined) return Math.round(100 * shape) / 100;
  const at = share * (curve.length - 1);
  const low = Math.min(Math.floor(at), curve.length - 2);
  return Math.round(100 * (curve[low] + (curve[low + 1] - curve[low]) * (at - low))) / 100;
}

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  let shown = { tracks: [], transitions: [], violations: [], targets: null };
  let dragged = null;

  const request = (changes) => {
    const next = { ...model.get("request"), ...changes };
    for (const key of Object.keys(next)) if (next[key] === null || next[key] === undefined) delete next[key];
    put(model, { request: next });
    drawRequest();
  };
  let waiting = 0; // for lists of which the kernel tells the page as it makes them
  const take = async (name, given) => {
    waiting += 1;
    try {
      shown = await ask(name, given, { slow: true });
      draw();
    } finally {
      waiting -= 1;
    }
  };
  const does = (name, given = {}) => async () => {
    try {
      said.say("");
      await take(name, given);
    } catch (error) {
      said.fail(error);
    }
  };

  // --- what is asked for ----------------------------------------------------------------------------

  const box = askBox(model, said, "a calm hour around 80 bpm, getting livelier, nothing by …", async (text) => {
    await take("ask", { text });
    return shown.told;
  });
  const chips = el("ul", { class: "wb-terms", "aria-label": "What is asked for" });
  const drawTerms = latest(async () => {
    try {
      fill(chips, (await ask("terms")).map(({ field, says }) =>
        el("li", {}, says, el("button", { type: "button", class: "wb-quiet", "aria-label": `Do not ask for ${says}`,
          onclick: () => request({ [field]: null, ...(field === "key" ? { compatible_keys: null } : {}) }) }, "✕"))));
    } catch (error) {
      said.fail(error);
    }
  });

  const moods = PLANE.flat().map((name) =>
    el("button", { type: "button", class: "wb-quiet wb-mood", "aria-pressed": "false", onclick: () => {
      const chosen = model.get("request").mood ?? [];
      const next = chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name];
      request({ mood: next.length ? next : null });
    } }, name));
  const plane = el("div", { class: "wb-plane", role: "group", "aria-label": "Moods: valence to the right, arousal upwards" }, moods);

  const NS = "http://www.w3.org/2000/svg";
  const svg = (tag, attributes) => {
    const made = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const curve = svg("svg", { viewBox: "0 0 100 60", class: "wb-curve", role: "group", "aria-label": "Energy from the first track to the last" });
  const line = svg("polyline", { class: "wb-curve-line" });
  const dots = svg("g", { class: "wb-curve-dots" });
  curve.append(line, dots);
  const handles = Array.from({ length: POINTS }, (_, i) => {
    const handle = svg("circle", { r: 3, tabindex: "0", role: "slider", class: "wb-handle",
      "aria-label": `Energy at ${Math.round((100 * i) / (POINTS - 1))} %`, "aria-valuemin": "0", "aria-valuemax": "1" });
    handle.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
      if (!by) return;
      event.preventDefault();
      setPoint(i, points()[i] + by);
    });
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      const move = ({ clientY }) => {
        const box = curve.getBoundingClientRect();
        setPoint(i, 1 - (((clientY - box.top) / box.height) * 60 - 5) / 50);
      };
      handle.onpointermove = move;
      handle.onpointerup = () => (handle.onpointermove = handle.onpointerup = null);
    });
    curve.append(handle);
    return handle;
  });
  const points = () => {
    const asked = model.get("request").curve ?? "flat";
    return Array.from({ length: POINTS }, (_, i) => along(asked, i / (POINTS - 1)));
  };
  const setPoint = (i, value) => {
    const next = [...points()];
    next[i] = Math.round(100 * Math.min(Math.max(value, 0), 1)) / 100;
    request({ curve: next });
  };

  const number = (label, attributes, onset) => {
    const input = el("input", { type: "number", "aria-label": label, ...attributes, onchange: () => onset(input.value === "" ? null : Number(input.value)) });
    return input;
  };
  const length = number("How many tracks", { min: "1", max: "500" }, (n) => request({ n, minutes: null }));
  const minutes = number("How many minutes", { min: "1", max: "1440" }, (value) => request({ minutes: value, n: null }));
  const low = number("BPM from", { min: "20", max: "400" }, () => setRange());
  const high = number("BPM to", { min: "20", max: "400" }, () => setRange());
  const setRange = () => request({ bpm: low.value || high.value ? [Number(low.value) || 20, Number(high.value) || 400] : null });
  const half = el("input", { type: "checkbox", onchange: () => request({ half_double: half.checked || null }) });
  const key = el("input", { type: "text", size: "8", placeholder: "any", "aria-label": "Key, such as 8A or A minor",
    onchange: () => request({ key: key.value.trim() || null, compatible_keys: key.value.trim() && fits.checked ? true : null }) });
  const fits = el("input", { type: "checkbox", onchange: () => request({ compatible_keys: fits.checked && key.value.trim() ? true : null }) });
  const gap = number("Tracks between two of one artist", { min: "0", max: "50" }, (value) => request({ artist_gap: value }));
  const seed = number("Variety: another number gives another list", { min: "0" }, (value) => request({ seed: value }));
  const where = el("input", { type: "search", class: "wb-grow", placeholder: "only where…  label.style == \"dub\"", "aria-label": "Only tracks where",
    onchange: () => request({ where: where.value.trim() || null }) });
  const ranked = el("input", { type: "checkbox", onchange: () => request({ ranked: ranked.checked || null }) });

  function drawRequest() {
    const asked = model.get("request");
    moods.forEach((button) => button.setAttribute("aria-pressed", String((asked.mood ?? []).includes(button.textContent))));
    const values = points();
    const drawn = Boolean(asked.curve);
    handles.forEach((handle, i) => {
      handle.setAttribute("cx", String(5 + (90 * i) / (POINTS - 1)));
      handle.setAttribute("cy", String(55 - 50 * values[i]));
      handle.setAttribute("aria-valuenow", String(values[i]));
    });
    line.setAttribute("points", values.map((value, i) => `${5 + (90 * i) / (POINTS - 1)},${55 - 50 * value}`).join(" "));
    line.classList.toggle("wb-faint-line", !drawn);
    length.value = asked.n ?? "";
    minutes.value = asked.minutes ?? "";
    [low.value, high.value] = asked.bpm ?? ["", ""];
    half.checked = Boolean(asked.half_double);
    key.value = asked.key ?? "";
    fits.checked = Boolean(asked.compatible_keys);
    gap.value = asked.artist_gap ?? "";
    seed.value = asked.seed ?? "";
    ranked.checked = Boolean(asked.ranked);
    where.value = asked.where ?? "";
    drawTerms();
  }

  // --- the list -------------------------------------------------------------------------------------

  const list = el("ol", { class: "wb-list" });
  const total = el("span", { class: "wb-quiet-text" });
  const unmet = el("ul", { class: "wb-failures" });
  const copy = copyButton(ask);
  const downloads = [["m3u8", "M3U8"], ["xspf", "XSPF"], ["xml", "Rekordbox"], ["csv", "CSV"]].map(([ending, title]) =>
    el("button", { type: "button", class: "wb-quiet", onclick: () => download(ending) }, title));

  async function download(ending) {
    try {
      save(await ask("export", { ending }));
    } catch (error) {
      said.fail(error);
    }
  }

  const name = el("input", { type: "text", size: "14", placeholder: "name", "aria-label": "Name to save it under" });
  const keep = el("button", { type: "button", class: "wb-quiet", onclick: async () => {
    try {
      await ask("save", { name: name.value.trim() }, { slow: true });
      said.say(`Saved as ${name.value.trim()}.`);
    } catch (error) {
      said.fail(error);
    }
  } }, "Save");

  const ids = () => shown.tracks.map((track) => track.id);
  async function move(from, to) {
    if (to < 0 || to >= shown.tracks.length || from === to) return;
    const order = ids();
    order.splice(to, 0, ...order.splice(from, 1));
    await does("arrange", { tracks: order })();
    list.querySelectorAll(".wb-item")[to]?.focus();
  }
  const lock = (id) => {
    const locked = model.get("locked");
    put(model, { locked: locked.includes(id) ? locked.filter((one) => one !== id) : [...locked, id] });
    draw();
  };

  function item(track, index) {
    const locked = model.get("locked").includes(track.id);
    const node = el("li", { class: "wb-item", tabindex: "0", draggable: "true", "aria-label": `${index + 1}: ${named(track)}` },
      el("span", { class: "wb-grip", "aria-hidden": "true" }, "≡"), el("span", { class: "wb-place" }, String(index + 1)),
      playButton(ask, track, { onplay: () => put(model, { playing: track.id }) }),
      el("div", { class: "wb-grow" }, el("div", { class: "wb-title" }, named(track)), el("div", { class: "wb-facts" }, track.artist ?? "")),
      el("span", { class: "wb-number" }, fixed(track.bpm)), el("span", { class: "wb-key" }, track.camelot ?? "–"),
      el("span", { class: "wb-number wb-rarely" }, fixed(track.energy, 2)), el("span", { class: "wb-number" }, time(track.duration_s)),
      el("button", { type: "button", class: "wb-quiet", "aria-pressed": String(locked), "aria-label": `Lock ${named(track)}`, onclick: () => lock(track.id) }, locked ? "🔒" : "🔓"),
      el("button", { type: "button", class: "wb-quiet", "aria-label": `Another track than ${named(track)}`, onclick: does("replace", { position: index + 1 }) }, "⟳"),
      el("button", { type: "button", class: "wb-quiet", "aria-label": `Take ${named(track)} out`, onclick: () => does("arrange", { tracks: ids().filter((one) => one !== track.id) })() }, "✕"));
    node.addEventListener("dragstart", () => (dragged = index));
    node.addEventListener("dragover", (event) => event.preventDefault());
    node.addEventListener("drop", (event) => {
      event.preventDefault();
      if (dragged !== null) move(dragged, index);
      dragged = null;
    });
    node.addEventListener("keydown", (event) => {
      if (event.target !== node) return;
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      if (event.altKey) move(index, index + by);
      else list.querySelectorAll(".wb-item")[index + by]?.focus();
    });
    return node;
  }

  const join = (step, index) => el("li", { class: "wb-join" },
    [step.bpm_change === null ? null : `${step.bpm_change >= 0 ? "+" : "−"}${Math.abs(step.bpm_change).toFixed(1)} BPM`, step.key_relation]
      .filter(Boolean).join(" · ") || "nothing known of the join",
    el("button", { type: "button", class: "wb-quiet", "aria-label": `Insert a bridge after track ${index + 1}`, onclick: does("bridge", { position: index + 1 }) }, "+ bridge"));

  function draw() {
    const rows = shown.tracks.flatMap((track, i) => [item(track, i), i < shown.transitions.length ? join(shown.transitions[i], i) : null]);
    fill(list, rows);
    const seconds = shown.tracks.reduce((sum, track) => sum + track.duration_s, 0);
    total.textContent = shown.tracks.length ? `${shown.tracks.length} tracks · ${time(seconds)}` : "";
    fill(unmet, shown.violations.map((one) => el("li", {}, `${one.constraint}: asked ${one.wanted}, got ${one.got}. ${one.remedy ?? ""}`)));
    const n = Math.max(shown.tracks.length - 1, 1);
    dots.replaceChildren(...shown.tracks.filter((track) => track.energy !== null).map((track, i) =>
      svg("circle", { r: 1.2, cx: String(5 + (90 * i) / n), cy: String(55 - 50 * track.energy) })));
    downloads.forEach((button) => (button.disabled = !shown.tracks.length));
    extend.disabled = keep.disabled = !shown.tracks.length;
  }

  const make = el("button", { type: "button", onclick: does("generate") }, "Make the playlist");
  const extend = el("button", { type: "button", class: "wb-quiet", onclick: does("extend", { count: 3 }) }, "+ 3 tracks");
  const another = el("button", { type: "button", class: "wb-quiet", onclick: () => {
    request({ seed: (model.get("request").seed ?? 0) + 1 });
    does("generate")();
  } }, "Another one");
  root.classList.add("wb", "wb-playlist");
  root.append(
    box,
    el("div", { class: "wb-thirds" },
      el("section", {}, el("h3", {}, "Mood"), plane,
        el("div", { class: "wb-axes" }, el("span", {}, "← sadder"), el("span", {}, "↑ more lively"), el("span", {}, "happier →"))),
      el("section", {}, el("h3", {}, "Energy"), curve,
        el("button", { type: "button", class: "wb-quiet", onclick: () => request({ curve: null }) }, "Any energy")),
      el("section", { class: "wb-rules" }, el("h3", {}, "Rules"),
        el("div", { class: "wb-bar" }, length, "tracks or", minutes, "minutes"),
        el("div", { class: "wb-bar" }, "BPM", low, "–", high, el("label", {}, half, " ½×, 2×")),
        el("div", { class: "wb-bar" }, "key", key, el("label", {}, fits, " and what goes with it")),
        el("div", { class: "wb-bar" }, gap, "tracks between two of one artist"),
        el("div", { class: "wb-bar" }, "variety", seed, el("label", {}, ranked, " on this library's scale")),
        el("div", { class: "wb-bar" }, where))),
    chips,
    el("div", { class: "wb-bar" }, make, another, extend, total, el("span", { class: "wb-grow" }), name, keep, downloads, copy.button),
    copy.shown, unmet, list, said.node,
  );

  model.on("change:request", drawRequest);
  model.on("change:playlist", () => {
    const wanted = model.get("playlist");
    if (!waiting && wanted.join() !== ids().join()) does("arrange", { tracks: wanted })();
  });
  drawRequest();
  draw();
  if (model.get("playlist").length) does("arrange", { tracks: model.get("playlist") })();
}

export default { render };
