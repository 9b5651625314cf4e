// SimilaritySearch: a box for words, a reference, sliders that re-rank, results with reasons, thumbs that teach.

const FACETS = ["timbre", "rhythm", "harmony", "dynamics"];
const CHUNK = 1 << 20;
const MOST_BLENDED = 4;

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  let results = [];
  let chosen = 0;
  let reference = null;
  let shownReference = null; // as JSON
  let foundFor = null; // of which reference the results are

  const set = (values, { search = true } = {}) => {
    put(model, values);
    if (search) find();
  };

  // --- the reference --------------------------------------------------------------------------------

  const picker = el("input", { type: "file", accept: "audio/*,.aif,.aiff,.flac,.wv,.ape", hidden: true, "aria-label": "A clip",
    onchange: () => picker.files[0] && upload(picker.files[0]) });
  const recordButton = el("button", { type: "button", class: "wb-quiet", onclick: () => record() }, "● Record");
  const what = el("div", { class: "wb-bar" });
  const drop = el(
    "div",
    { class: "wb-drop" },
    what,
    el(
      "div",
      { class: "wb-bar", style: { justifyContent: "center" } },
      el("button", { type: "button", onclick: () => picker.click() }, "Choose a clip"),
      recordButton,
      el("button", { type: "button", class: "wb-quiet", onclick: () => useSelected() }, "Use the selected track"),
      el("button", { type: "button", class: "wb-quiet", onclick: () => useRegion() }, "Use the marked region"),
      picker,
    ),
    el("div", { class: "wb-quiet-text" }, "or drop an audio file here"),
  );
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("wb-over-it");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("wb-over-it"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("wb-over-it");
    const file = event.dataTransfer.files[0];
    if (file) upload(file);
  });

  async function upload(file) {
    try {
      for (let at = 0; at < Math.max(file.size, 1); at += CHUNK) {
        said.say(`Reading ${file.name} … ${Math.round((100 * at) / Math.max(file.size, 1))} %`);
        const piece = await file.slice(at, at + CHUNK).arrayBuffer();
        await ask("upload", { name: file.name, at, last: at + CHUNK >= file.size }, { buffers: [piece] });
      }
      said.say("");
      await find();
    } catch (error) {
      said.fail(error);
    }
  }

  let recorder = null;
  async function record() {
    if (recorder) return recorder.stop();
    try {
      if (!navigator.mediaDevices) throw new Error("browsers record only on pages that come over https or from this machine");
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const pieces = [];
      recorder = new MediaRecorder(stream);
      recorder.ondataavailable = (event) => pieces.push(event.data);
      recorder.onstop = async () => {
        recorder = null;
        recordButton.textContent = "● Record";
        stream.getTracks().forEach((one) => one.stop());
        try {
          const context = new AudioContext();
          const heard = await context.decodeAudioData(await new Blob(pieces).arrayBuffer());
          await context.close();
          await upload(new File([wav(heard)], "recording.wav"));
        } catch (error) {
          said.fail(Object.assign(error, { remedy: "Record at least a second." }));
        }
      };
      recorder.start();
      recordButton.textContent = "■ Stop recording";
    } catch (error) {
      said.fail(Object.assign(new Error(`The microphone cannot be used: ${error.message}.`),
        { remedy: "Allow it for this page in the browser, or choose a clip." }));
    }
  }

  function useSelected() {
    const id = model.get("playing") || model.get("tracks")[0];
    if (!id) return said.fail(Object.assign(new Error("No track is selected."), { remedy: "Click one in a table or a map." }));
    set({ reference: id, part: [], blend: {} });
  }

  function useRegion() {
    const region = model.get("region");
    if (region.length !== 2 || !model.get("playing")) {
      return said.fail(Object.assign(new Error("No region is marked."), { remedy: "Drag over the waveform in the player." }));
    }
    set({ reference: model.get("playing"), part: region, blend: {} });
  }

  async function showReference() {
    const id = model.get("reference");
    const blend = Object.entries(model.get("blend"));
    const now = JSON.stringify([id, model.get("part"), model.get("clip"), blend]);
    if (now === shownReference) return;
    shownReference = now;
    if (blend.length) {
      reference = null;
      const shownOf = await Promise.all(blend.slice(0, MOST_BLENDED).map(async ([track, weight]) =>
        `${weight < 0 ? "unlike" : "like"} ${named(await ask("track", { track }))}`));
      const more = blend.length > MOST_BLENDED ? ` and ${blend.length - MOST_BLENDED} more` : "";
      return what.replaceChildren(el("strong", {}, `${shownOf.join(", ")}${more}`));
    }
    if (!id) {
      reference = null;
      return what.replaceChildren(el("strong", {}, "What should it sound like?"));
    }
    reference = await ask("track", { track: id });
    const part = model.get("part");
    what.replaceChildren(
      playButton(ask, reference, part.length ? { from: part[0], until: part[1] } : {}),
      el("span", { class: "wb-title" }, named(reference)),
      el("span", { class: "wb-quiet-text" },
        part.length ? `${time(part[0], 1)} – ${time(part[1], 1)}` : time(reference.duration_s)),
    );
  }

  // --- what counts ----------------------------------------------------------------------------------

  const find = latest(async () => {
    try {
      await showReference();
      if (!model.get("reference") && !Object.keys(model.get("blend")).length) return draw();
      said.say("Looking …");
      const found = await ask("search", {}, { slow: true });
      results = found.results;
      foundFor = found.reference;
      chosen = 0;
      said.say(results.length ? "" : "Nothing fits: loosen the filters, or analyze more music.");
      took.textContent = results.length ? `${found.elapsed_ms.toFixed(0)} ms` : "";
      draw();
    } catch (error) {
      results = [];
      shownReference = null;
      draw();
      said.fail(error);
    }
  });

  const sliders = FACETS.map((facet) => {
    const input = el("input", { type: "range", min: "0", max: "4", step: "0.25", "aria-label": `How much ${facet} counts` });
    const shown = el("output", { class: "wb-quiet-text" });
    input.addEventListener("input", () => {
      shown.textContent = `${Number(input.value).toFixed(2)}×`;
      set({ weights: { ...model.get("weights"), [facet]: Number(input.value) } });
    });
    return { facet, input, shown, node: el("label", {}, facet, input, shown) };
  });
  const low = el("input", { type: "number", min: "20", max: "400", placeholder: "from", "aria-label": "BPM from", onchange: () => setBpm() });
  const high = el("input", { type: "number", min: "20", max: "400", placeholder: "to", "aria-label": "BPM to", onchange: () => setBpm() });
  const setBpm = () => {
    const range = [Number(low.value) || 20, Number(high.value) || 400];
    set({ bpm: low.value || high.value ? range : [] });
  };
  const key = el("input", { type: "text", size: "8", placeholder: "any", "aria-label": "Key, such as 8A or A minor",
    onchange: () => set({ key: key.value.trim() }) });
  const where = el("input", { type: "search", class: "wb-grow", placeholder: "only where…  mood == \"calm\"", "aria-label": "Only tracks where",
    onchange: () => set({ where: where.value.trim() }) });
  const artist = el("input", { type: "checkbox", onchange: () => set({ per_artist: artist.checked ? 1 : 0 }) });
  const album = el("input", { type: "checkbox", onchange: () => set({ per_album: album.checked ? 1 : 0 }) });
  const count = el("input", { type: "number", min: "1", max: "200", "aria-label": "How many results",
    onchange: () => set({ n: Math.min(Math.max(Math.round(Number(count.value)) || 12, 1), 200) }) });

  // --- the results ----------------------------------------------------------------------------------

  const list = el("table", { class: "wb-table" });
  const why = el("aside", { class: "wb-why", "aria-label": "Why" });
  const took = el("span", { class: "wb-quiet-text" });
  const copy = copyButton(ask);

  function choose(index) {
    chosen = index;
    const result = results[index];
    set({ tracks: [result.id], playing: result.id, region: model.get("part").length ? [result.start_s, result.end_s] : [] },
      { search: false });
    drawChoice();
  }

  function draw() {
    const body = results.map((result, index) => {
      const part = model.get("part").length ? { from: result.start_s, until: result.end_s } : {};
      const line = el(
        "tr",
        { tabindex: "0", onclick: () => choose(index) },
        el("td", {}, playButton(ask, result, part)),
        el("td", {}, el("div", {}, named(result)), el("div", { class: "wb-quiet-text" }, result.artist ?? "")),
        el("td", { class: "wb-number wb-rarely" }, fixed(result.bpm)),
        el("td", { class: "wb-rarely" }, result.camelot ?? "–"),
        el("td", { class: "wb-number" }, part.until ? `${time(part.from)}–${time(part.until)}` : time(result.duration_s)),
        el("td", { class: "wb-number" }, result.score.toFixed(2)),
        el("td", { class: "wb-quiet-text" }, result.versions.length ? `+${result.versions.length} version${result.versions.length > 1 ? "s" : ""}` : ""),
      );
      line.addEventListener("keydown", (event) => {
        if (event.target.closest("button")) return;
        const go = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (go) {
          event.preventDefault();
          const next = Math.min(Math.max(index + go, 0), results.length - 1);
          list.querySelectorAll("tbody tr")[next].focus();
          choose(next);
        } else if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          choose(index);
          line.querySelector("button").click();
        }
      });
      return line;
    });
    const heads = ["", "Title", "BPM", "Key", "Length", "Score", ""];
    const numbers = new Set(["BPM", "Length", "Score"]);
    list.replaceChildren(
      ...(results.length
        ? [
            el("thead", {}, el("tr", {}, heads.map((text) =>
              el("th", { scope: "col", class: `${numbers.has(text) ? "wb-number" : ""} ${["BPM", "Key"].includes(text) ? "wb-rarely" : ""}` },
                text || el("span", { class: "wb-hidden" }, "Play"))))),
            el("tbody", {}, body),
          ]
        : []),
    );
    drawChoice();
  }

  function drawChoice() {
    list.querySelectorAll("tbody tr").forEach((line, i) => {
      line.classList.toggle("wb-chosen", i === chosen);
      line.setAttribute("aria-selected", String(i === chosen));
    });
    const result = results[chosen];
    if (!result) {
      return why.replaceChildren(el("h3", {}, "Why"), el("p", { class: "wb-quiet-text" }, "Results say here what they have in common with what you look for."));
    }
    const thumbs = ["👍", "👎"].map((sign, i) =>
      el("button", { type: "button", class: "wb-quiet", "aria-label": i ? "This does not sound like it" : "This sounds like it",
        onclick: () => judge(result.id, !i) }, sign));
    fill(why,
      el("h3", {}, named(result)),
      ...FACETS.filter((facet) => result.facets[facet] !== undefined && result.facets[facet] !== null).map((facet) =>
        el("div", { class: "wb-facet" }, facet,
          el("div", { class: "wb-meter", role: "img", "aria-label": `${facet} ${result.facets[facet].toFixed(2)}` },
            el("div", { style: { width: `${Math.max(0, 100 * result.facets[facet])}%` } })),
          el("span", { class: "wb-number" }, result.facets[facet].toFixed(2)))),
      el("p", {}, result.why),
      el("div", { class: "wb-bar" }, thumbs,
        el("button", { type: "button", class: "wb-quiet", onclick: () => set({ reference: result.id, part: [], blend: {} }) }, "More like this"),
        el("button", { type: "button", class: "wb-quiet", onclick: () => collect(result.id) }, "→ playlist")),
      result.versions.length
        ? el("p", { class: "wb-quiet-text" }, `Versions: ${result.versions.map((one) => named(one)).join(", ")}`)
        : null,
    );
  }

  async function judge(id, good) {
    try {
      const { clicks } = await ask("judge", { reference: foundFor, track: id, good });
      await find();
      said.node.className = "wb-notice";
      said.node.replaceChildren(
        `Learned from ${clicks} click${clicks === 1 ? "" : "s"}. `,
        el("button", { type: "button", class: "wb-quiet", onclick: async () => {
          await ask("forget_taste");
          find();
        } }, "Go by the usual weights"),
      );
    } catch (error) {
      said.fail(error);
    }
  }

  function collect(id) {
    const playlist = model.get("playlist");
    if (!playlist.includes(id)) set({ playlist: [...playlist, id] }, { search: false });
    said.say(`${model.get("playlist").length} in the playlist.`);
  }

  function showSettings() {
    for (const { facet, input, shown } of sliders) {
      input.value = model.get("weights")[facet] ?? 1;
      shown.textContent = `${Number(input.value).toFixed(2)}×`;
    }
    [low.value, high.value] = model.get("bpm").length ? model.get("bpm") : ["", ""];
    key.value = model.get("key");
    where.value = model.get("where");
    artist.checked = model.get("per_artist") > 0;
    album.checked = model.get("per_album") > 0;
    count.value = model.get("n");
  }

  root.classList.add("wb", "wb-similarity");
  const box = askBox(model, said, "10 tracks like TITLE, one per artist, nothing by …", async (text) => {
    const told = await ask("ask", { text }, { slow: true });
    find();
    return told;
  });
  root.append(
    box,
    el("div", { class: "wb-columns" },
      el("div", {},
        drop,
        el("div", { class: "wb-sliders" }, sliders.map((one) => one.node)),
        el("div", { class: "wb-bar" }, "BPM", low, "–", high, el("label", {}, "key ", key), where,
          el("label", {}, artist, " one per artist"), el("label", {}, album, " one per album"),
          el("label", {}, count, " results")),
        el("div", { class: "wb-scroll" }, list),
        el("div", { class: "wb-bar wb-small" }, took, el("span", { class: "wb-grow" }), copy.button),
        copy.shown,
        said.node),
      why),
  );
  model.on("change:reference change:part change:blend", () => find());
  model.on("change:weights change:bpm change:key change:where change:per_artist change:per_album change:n", showSettings);
  showSettings();
  find();
}

/** 16-bit WAV of what the browser has decoded. */
function wav(heard) {
  const channels = Math.min(heard.numberOfChannels, 2);
  const bytes = new DataView(new ArrayBuffer(44 + heard.length * channels * 2));
  const text = (at, word) => [...word].forEach((letter, i) => bytes.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, bytes.byteLength - 8, true);
  text(8, "WAVEfmt ");
  [[16, 16, 4], [20, 1, 2], [22, channels, 2], [24, heard.sampleRate, 4], [28, heard.sampleRate * channels * 2, 4],
    [32, channels * 2, 2], [34, 16, 2], [40, heard.length * channels * 2, 4]].forEach(([at, value, size]) =>
    size === 4 ? bytes.setUint32(at, value, true) : bytes.setUint16(at, value, true));
  text(36, "data");
  const data = Array.from({ length: channels }, (_, c) => heard.getChannelData(c));
  for (let i = 0; i < heard.length; i++) {
    for (let c = 0; c < channels; c++) {
      bytes.setInt16(44 + 2 * (i * channels + c), Math.max(-1, Math.min(1, data[c][i])) * 32767, true);
    }
  }
  return bytes.buffer;
}

export default { render };
