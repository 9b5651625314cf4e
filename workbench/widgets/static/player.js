// Player: waveform, spectrogram, beats; click to seek, drag a region.

const STEP_S = 5;

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  let track = null;
  let peaks = null;
  let image = null; // the spectrogram, as it was drawn once
  let beats = null; // seconds

  const play = el("button", { class: "wb-play wb-large", type: "button", onclick: () => toggle() });
  const name = el("div", { class: "wb-title" });
  const facts = el("div", { class: "wb-facts" });
  const clock = el("output", { class: "wb-clock", "aria-label": "Position" }, "0:00");
  const wave = el("canvas", { class: "wb-wave", "aria-hidden": "true" });
  const picture = el("canvas", { class: "wb-spectrogram", "aria-hidden": "true" });
  const over = el("canvas", { class: "wb-over", "aria-hidden": "true" });
  const stage = el(
    "div",
    { class: "wb-stage", tabindex: "0", role: "slider", "aria-label": "Position in the track", "aria-valuemin": "0" },
    wave, picture, over,
  );
  const showPicture = el("input", { type: "checkbox", onchange: () => set("spectrogram", showPicture.checked) });
  const showBeats = el("input", { type: "checkbox", onchange: () => set("beat_grid", showBeats.checked) });
  const clear = el("button", { class: "wb-quiet", type: "button", onclick: () => set("region", []) }, "Clear region");
  const region = el("span", { class: "wb-region" });
  const copy = copyButton(ask);
  root.classList.add("wb", "wb-player");
  root.append(
    el("div", { class: "wb-bar" }, play, el("div", { class: "wb-grow" }, name, facts), clock),
    stage,
    el(
      "div",
      { class: "wb-bar wb-small" },
      el("label", {}, showPicture, " spectrogram"),
      el("label", {}, showBeats, " beats"),
      region, clear, el("span", { class: "wb-grow" }), copy.button,
    ),
    copy.shown,
    said.node,
  );

  const set = (key, value) => {
    put(model, { [key]: value });
    draw();
  };
  const duration = () => track?.duration_s ?? 0;
  const chosen = () => {
    const [start, end] = model.get("region");
    return end > start ? [start, end] : null;
  };
  const mine = () => sound.track?.id === track?.id;
  const at = () => (mine() ? sound.now() : 0);
  const xOf = (seconds, width) => (duration() ? (seconds / duration()) * width : 0);

  function toggle() {
    if (!track) return;
    if (sound.playing && mine()) return sound.stop();
    const part = chosen();
    if (part) return sound.play(ask, track, part[0], { until: part[1], loop: true });
    const from = at();
    sound.play(ask, track, from < duration() - 0.05 ? from : 0);
  }

  function seek(seconds) {
    if (!track) return;
    const to = Math.min(Math.max(seconds, 0), Math.max(duration() - 0.05, 0));
    if (sound.playing && mine()) return sound.play(ask, track, to);
    sound.stop();
    Object.assign(sound, { track, position: to });
    drawOver();
  }

  // --- what is drawn --------------------------------------------------------------------------------

  function draw() {
    showPicture.checked = model.get("spectrogram");
    showBeats.checked = model.get("beat_grid");
    picture.hidden = !model.get("spectrogram");
    const part = chosen();
    region.textContent = part ? `${time(part[0], 1)} – ${time(part[1], 1)}` : "Drag to mark a region";
    clear.hidden = !part;
    play.disabled = !track;
    drawWave();
    drawPicture();
    drawOver();
  }

  function drawWave() {
    const { context, width, height } = sized(wave);
    if (!peaks) return;
    context.fillStyle = colour(root, "--wb-wave", "#4a7ba6");
    const middle = height / 2;
    const n = peaks.length / 2;
    for (let x = 0; x < width; x++) {
      const first = Math.floor((x / width) * n);
      const last = Math.max(first + 1, Math.floor(((x + 1) / width) * n));
      let low = 0;
      let high = 0;
      for (let i = first; i < last; i++) {
        low = Math.min(low, peaks[2 * i]);
        high = Math.max(high, peaks[2 * i + 1]);
      }
      context.fillRect(x, middle - high * middle, 1, Math.max((high - low) * middle, 1));
    }
  }

  function drawPicture() {
    if (picture.hidden) return;
    const { context, width, height } = sized(picture);
    if (image) context.drawImage(image, 0, 0, width, height);
  }

  function drawOver() {
    const { context, width, height } = sized(over);
    const part = chosen();
    if (part) {
      context.fillStyle = colour(root, "--wb-marked", "rgba(230, 159, 0, .25)");
      context.fillRect(xOf(part[0], width), 0, xOf(part[1] - part[0], width), height);
      context.fillStyle = colour(root, "--wb-accent", "#e69f00");
      for (const edge of part) context.fillRect(xOf(edge, width) - 1, 0, 2, height);
    }
    if (model.get("beat_grid") && beats?.length) {
      const every = Math.max(1, 2 ** Math.ceil(Math.log2((6 * beats.length) / width)));
      context.fillStyle = colour(root, "--wb-beat", "rgba(120, 120, 120, .45)");
      for (let i = 0; i < beats.length; i += every) context.fillRect(xOf(beats[i], width), 0, 1, height);
    }
    context.fillStyle = colour(root, "--wb-head", "#d55e00");
    context.fillRect(xOf(at(), width) - 0.5, 0, 1.5, height);
    clock.textContent = `${time(at())} / ${time(duration())}`;
    stage.setAttribute("aria-valuenow", at().toFixed(1));
    stage.setAttribute("aria-valuetext", `${time(at())} of ${time(duration())}`);
  }

  function showState() {
    const on = sound.playing && mine();
    play.textContent = on ? "■" : "▶";
    play.setAttribute("aria-label", on ? "Stop" : "Play");
    drawOver();
    if (on) requestAnimationFrame(animate);
  }

  function animate() {
    drawOver();
    if (sound.playing && mine() && root.isConnected) requestAnimationFrame(animate);
  }

  // --- what is shown --------------------------------------------------------------------------------

  const load = latest(async () => {
    const id = model.get("playing");
    if (!id) {
      name.textContent = "Nothing to play yet";
      facts.textContent = "Choose a track in a table, a map or a result.";
      return draw();
    }
    try {
      said.say("");
      track = await ask("track", { track: id });
      name.textContent = named(track);
      facts.textContent = [
        track.artist, track.bpm && `${fixed(track.bpm)} BPM`, track.key, track.mood,
        track.loudness_lufs && `${fixed(track.loudness_lufs)} LUFS`,
      ].filter(Boolean).join(" · ");
      stage.setAttribute("aria-valuemax", String(track.duration_s));
      peaks = image = null;
      beats = null;
      draw();
      peaks = (await ask("peaks", { track: id, points: 2000 })).data;
      draw();
      loadRest().catch(said.fail);
    } catch (error) {
      said.fail(error);
    }
  });

  /** What the whole recording is decoded for: nobody waits for it. */
  async function loadRest() {
    await loadPicture();
    await loadBeats();
  }

  async function loadBeats() {
    if (!track || beats || !model.get("beat_grid")) return;
    const id = track.id;
    const found = await ask("beats", { track: id }, { slow: true });
    if (track?.id === id) beats = found.data;
    draw();
  }

  async function loadPicture() {
    if (!track || image || !model.get("spectrogram")) return;
    const id = track.id;
    const found = await ask("picture", { track: id, columns: 1000 }, { slow: true });
    if (track?.id !== id) return;
    const [rows, columns] = found.shape;
    image = document.createElement("canvas");
    [image.width, image.height] = [columns, rows];
    const pixels = image.getContext("2d").createImageData(columns, rows);
    const palette = Array.from({ length: 256 }, (_, i) => viridis(i / 255));
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const [r, g, b] = palette[found.data[(rows - 1 - y) * columns + x]];
        pixels.data.set([r, g, b, 255], 4 * (y * columns + x));
      }
    }
    image.getContext("2d").putImageData(pixels, 0, 0);
    draw();
  }

  // --- what is done ---------------------------------------------------------------------------------

  let dragged = null;
  const secondsAt = (event) => {
    const box = stage.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * duration();
  };
  stage.addEventListener("pointerdown", (event) => {
    if (!track) return;
    stage.setPointerCapture(event.pointerId);
    dragged = { from: secondsAt(event), x: event.clientX, moved: false };
  });
  stage.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    dragged.moved ||= Math.abs(event.clientX - dragged.x) > 4;
    if (!dragged.moved) return;
    const to = secondsAt(event);
    model.set("region", [Math.min(dragged.from, to), Math.max(dragged.from, to)]);
    draw();
  });
  stage.addEventListener("pointerup", (event) => {
    if (!dragged) return;
    if (dragged.moved) put(model, { region: model.get("region") });
    else seek(secondsAt(event));
    dragged = null;
  });
  root.addEventListener("keydown", (event) => {
    if (event.target.closest("input, textarea, select")) return;
    const keys = {
      " ": () => toggle(),
      ArrowLeft: () => seek(at() - STEP_S),
      ArrowRight: () => seek(at() + STEP_S),
      Home: () => seek(0),
      End: () => seek(duration()),
      Escape: () => set("region", []),
    };
    if (!(event.key in keys) || (event.key === " " && event.target.closest("button"))) return;
    event.preventDefault();
    keys[event.key]();
  });

  const onSound = () => showState();
  const onWrong = ({ detail }) => mine() && said.fail(detail);
  sound.addEventListener("change", onSound);
  sound.addEventListener("wrong", onWrong);
  model.on("change:playing", load);
  model.on("change:region", draw);
  model.on("change:spectrogram change:beat_grid", () => loadRest().then(draw, said.fail));
  const watcher = new ResizeObserver(draw);
  watcher.observe(stage);
  load();
  showState();
  return () => {
    watcher.disconnect();
    sound.removeEventListener("change", onSound);
    sound.removeEventListener("wrong", onWrong);
    if (mine()) sound.stop();
  };
}

export default { render };
