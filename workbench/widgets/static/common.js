// What every widget has: elements, questions to the kernel, sound, and words for numbers.
// Text from files only ever becomes text nodes, never markup.

/** Make an element: `el("button", {class: "wb-quiet", onclick: f}, "Play")`. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(made.style, value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

const ARRAYS = {
  float32: Float32Array, float64: Float64Array, int16: Int16Array, int32: Int32Array, uint8: Uint8Array,
};

/** Put children in place of those that are there; null stands for none. */
const fill = (node, ...children) =>
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));

const unheard = new WeakMap(); // what the kernel may not know yet of each model: changes wait until former ones are there

/** Change traits. */
function put(model, values) {
  for (const [name, value] of Object.entries(values)) {
    unheard.get(model)?.set(name, value); // first: whoever listens to the change may ask at once
    model.set(name, value);
  }
  model.save_changes();
}

/** Questions to the kernel: `const ask = asker(model); const page = await ask("page", {after: null})`.
 *
 * A question overtakes changes of traits that wait, so it brings them along. */
function asker(model) {
  const waiting = new Map();
  const news = new Map();
  let number = 0;
  const heard = (changes) => {
    for (const [name, value] of changes) if (news.get(name) === value) news.delete(name);
  };
  unheard.set(model, news);
  // changed by the kernel since: what was put is out of date
  model.on("change", () => heard([...news].filter(([name, value]) => model.get(name) !== value)));
  model.on("msg:custom", (message, buffers) => {
    const pending = waiting.get(message.id);
    if (!pending) return;
    waiting.delete(message.id);
    heard(pending.said);
    if (message.error) pending.reject(Object.assign(new Error(message.error), { remedy: message.remedy }));
    else pending.resolve(withArrays(message.answer, buffers));
  });
  const ask = (name, given = {}, { slow = false, buffers = [] } = {}) =>
    new Promise((resolve, reject) => {
      const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}-${number++}`;
      const said = [...news];
      waiting.set(id, { resolve, reject, said });
      model.send({ id, ask: name, given, slow, news: Object.fromEntries(said) }, undefined, buffers);
    });
  return ask;
}

function withArrays(value, buffers) {
  if (Array.isArray(value)) return value.map((one) => withArrays(one, buffers));
  if (value === null || typeof value !== "object") return value;
  if ("array" in value && "dtype" in value) {
    const view = buffers[value.array];
    const bytes = view.buffer ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : view;
    return { data: new ARRAYS[value.dtype](bytes), shape: value.shape };
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withArrays(one, buffers)]));
}

/** One call at a time: of those that come while it runs only the last has an effect, so what is old never replaces
 * what is new. For sliders, and for what is asked while it is chosen. Gives a promise of the end of all. */
function latest(work, wait = 0) {
  let next = null;
  let running = null;
  const run = async () => {
    try {
      if (wait) await sleep(wait);
      while (next) {
        const given = next;
        next = null;
        await work(...given);
      }
    } finally {
      running = null;
    }
  };
  return (...given) => {
    next = given;
    running ||= run();
    return running;
  };
}

/** A line that says what is going on, or what went wrong and what to do about it; screen readers read it out. */
function notice() {
  const node = el("div", { class: "wb-notice", role: "status", "aria-live": "polite" });
  return {
    node,
    say(text = "") {
      node.className = "wb-notice";
      node.replaceChildren(text);
    },
    fail(error) {
      node.className = "wb-notice wb-wrong";
      node.replaceChildren(el("strong", {}, error.message), error.remedy ? ` ${error.remedy}` : "");
    },
  };
}

/** Where one is among folders: places to go to, the way up, a path to type; `show` with what the kernel says of one. */
function folderBar(look) {
  let folder = null;
  const places = el("select", { "aria-label": "Places", onchange: () => look(places.value) });
  const path = el("input", { type: "text", class: "wb-grow", "aria-label": "Folder", onchange: () => look(path.value) });
  const up = el("button", { type: "button", class: "wb-quiet", disabled: true, onclick: () => look(folder.parent) }, "↑ Up");
  return {
    nodes: [places, up, path],
    within: (name) => (folder.path.endsWith("/") ? folder.path + name : `${folder.path}/${name}`),
    show(found) {
      folder = found;
      path.value = found.path;
      up.disabled = !found.parent;
      fill(places, el("option", { value: found.path }, "Places"), found.places.map((one) => el("option", { value: one }, one)));
      places.value = found.path;
    },
  };
}

const time = (seconds, digits = 0) => {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = digits ? Math.floor(seconds) : Math.round(seconds);
  const rest = digits ? `.${String(Math.floor((seconds - whole) * 10 ** digits)).padStart(digits, "0")}` : "";
  const minutes = Math.floor(whole / 60) % 60;
  const tail = `${String(whole % 60).padStart(2, "0")}${rest}`;
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
};
const fixed = (value, digits = 1) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const named = (track) => track.title || (track.path || "").split(/[\\/]/).pop() || track.id;

/** A theme's colour, as a canvas needs it. */
const colour = (node, name, otherwise) => getComputedStyle(node).getPropertyValue(name).trim() || otherwise;

/** Match a canvas to its size on the screen; gives a context in units of CSS pixels. */
function sized(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

// viridis, in nine steps: it reads in print, and with any colour blindness
const VIRIDIS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
const viridis = (() => {
  const steps = VIRIDIS.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return (share) => {
    const at = Math.min(Math.max(share, 0), 1) * (steps.length - 1);
    const low = Math.min(Math.floor(at), steps.length - 2);
    return steps[low].map((value, i) => Math.round(value + (steps[low + 1][i] - value) * (at - low)));
  };
})();

// --- sound -------------------------------------------------------------------------------------------
// One sound at a time on a page, whichever widget began it. It comes from the kernel in pieces of some seconds, decoded
// there, so every format plays that can be analyzed, and a recording of ten hours begins as fast as a click.

const PIECE_S = 4;
const AHEAD_S = 6;
const QUIETEST_TARGET = -16; // LUFS; louder recordings are turned down to it, so that none startles

class Sound extends EventTarget {
  constructor() {
    super();
    this.track = null;
    this.playing = false;
    this.position = 0;
    this.turn = 0;
  }

  /** Play a track from a second on; `until` ends it there, and `loop` begins it again. */
  async play(ask, track, from = 0, { until = null, loop = false } = {}) {
    this.stop();
    const turn = this.turn;
    this.context ||= new AudioContext();
    await this.context.resume();
    Object.assign(this, { ask, track, playing: true, from, until, loop, begun: null, position: from });
    this.gain = this.context.createGain();
    this.gain.gain.value = Math.min(1, 10 ** ((QUIETEST_TARGET - (track.loudness_lufs ?? QUIETEST_TARGET)) / 20));
    this.gain.connect(this.context.destination);
    this.tell();
    let at = from;
    let when = null;
    const end = Math.min(until ?? Infinity, track.duration_s);
    try {
      while (turn === this.turn && at < end - 1e-3) {
        const piece = await ask("excerpt", { track: track.id, start_s: at, seconds: Math.min(PIECE_S, end - at) });
        if (turn !== this.turn) return;
        const [frames, channels] = piece.samples.shape;
        if (!frames) break;
        const buffer = this.context.createBuffer(channels, frames, piece.sr);
        for (let c = 0; c < channels; c++) {
          const target = buffer.getChannelData(c);
          for (let i = 0; i < frames; i++) target[i] = piece.samples.data[i * channels + c] / 32768;
        }
        when = Math.max(when ?? 0, this.context.currentTime + 0.03);
        this.begun ??= when;
        const source = this.context.createBufferSource();
        source.buffer = buffer;
        source.connect(this.gain);
        source.start(when);
        when += buffer.duration;
        at += buffer.duration;
        while (turn === this.turn && when - this.context.currentTime > AHEAD_S) await sleep(200);
      }
      while (turn === this.turn && when !== null && this.context.currentTime < when) await sleep(50);
    } catch (error) {
      if (turn === this.turn) this.stop();
      this.dispatchEvent(new CustomEvent("wrong", { detail: error }));
      return;
    }
    if (turn !== this.turn) return;
    if (loop) this.play(ask, track, from, { until, loop });
    else this.stop();
  }

  /** Where it is, in seconds of the track. */
  now() {
    if (this.playing && this.begun !== null) {
      this.position = this.from + Math.max(0, this.context.currentTime - this.begun);
    }
    return this.position;
  }

  stop() {
    this.now();
    this.turn += 1;
    if (this.gain) {
      this.gain.gain.linearRampToValueAtTime(0, this.context.currentTime + 0.02);
      const gone = this.gain;
      setTimeout(() => gone.disconnect(), 60);
      this.gain = null;
    }
    this.playing = false;
    this.tell();
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sound = (window.__workbench_sound ||= new Sound());

/** A button that plays a track in place and stops it. */
function playButton(ask, track, { from = 0, until = null, onplay = () => {} } = {}) {
  const name = named(track);
  const button = el("button", { class: "wb-play", type: "button" });
  const show = () => {
    const on = sound.playing && sound.track?.id === track.id && sound.button === button;
    button.textContent = on ? "■" : "▶";
    button.setAttribute("aria-label", `${on ? "Stop" : "Play"} ${name}`);
    button.setAttribute("aria-pressed", String(on));
    if (!button.isConnected && button.wasConnected) sound.removeEventListener("change", show);
    button.wasConnected ||= button.isConnected;
  };
  button.addEventListener("click", (event) => {
    event.stopPropagation();
    if (sound.playing && sound.button === button) return sound.stop();
    sound.button = button;
    onplay();
    sound.play(ask, track, from, { until });
  });
  sound.addEventListener("change", show);
  show();
  return button;
}

/** Let the browser keep a file that the kernel has written: `{name, type, text}`. */
function save(file) {
  const address = URL.createObjectURL(new Blob([file.text], { type: file.type }));
  el("a", { href: address, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** A button that copies the call that does what was clicked. */
function copyButton(ask) {
  const button = el("button", { class: "wb-quiet", type: "button" }, "Copy as Python");
  const shown = el("pre", { class: "wb-code", hidden: true, tabindex: "0", "aria-label": "The call as Python" });
  button.addEventListener("click", async () => {
    const code = await ask("copy_as_python");
    shown.textContent = code;
    shown.hidden = false;
    try {
      await navigator.clipboard.writeText(code);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Copy it from below";
    }
    setTimeout(() => (button.textContent = "Copy as Python"), 2000);
  });
  return { button, shown };
}
