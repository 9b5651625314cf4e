// Labeler: one key per label; the track that teaches most comes next.

const MOST_CHOICES = 9;

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  let current = null;
  let queue = [];
  let passed = new Set();
  let labelled = new Set(); // an answer that was asked for before a label may still name its track

  const name = el("input", { type: "text", size: "12", "aria-label": "What labels are about",
    onchange: () => name.value.trim() && put(model, { name: name.value.trim() }) });
  const choices = el("input", { type: "text", class: "wb-grow", "aria-label": "What can be said, separated by commas",
    onchange: () => put(model, { choices: choices.value.split(",").map((one) => one.trim()).filter(Boolean).slice(0, MOST_CHOICES) }) });
  const card = el("div", { class: "wb-card" });
  const buttons = el("div", { class: "wb-bar", role: "group", "aria-label": "Labels" });
  const part = el("input", { type: "checkbox" });
  const partLabel = el("label", { hidden: true }, part, el("span", {}, " only the marked region"));
  const saidOf = el("span", { class: "wb-quiet-text" });
  const coming = el("ol", { class: "wb-coming", "aria-label": "Next" });
  const counts = el("div", { class: "wb-facts", "aria-live": "polite" });
  const report = el("div", { class: "wb-report" });
  const column = el("div", { class: "wb-quiet-text" });
  const copy = copyButton(ask);
  const whyNot = el("p", { class: "wb-quiet-text wb-small", id: `wb-why-not-${Math.random().toString(36).slice(2)}` });
  const apply = el("button", { type: "button", disabled: true, "aria-describedby": whyNot.id, onclick: () => write() }, "Apply to the library");
  let learnable = false;
  const forget = el("button", { type: "button", class: "wb-quiet", hidden: true, onclick: () => unwrite() }, "Remove the column");
  root.classList.add("wb", "wb-labeler");
  root.append(
    el("div", { class: "wb-bar" }, el("label", {}, "label ", name), el("span", {}, "as"), choices),
    el("div", { class: "wb-columns" },
      el("div", {}, card, buttons,
        el("div", { class: "wb-bar wb-small" },
          el("button", { type: "button", class: "wb-quiet", onclick: () => pass() }, "Pass →"),
          el("button", { type: "button", class: "wb-quiet", onclick: () => undo() }, "Take back (Z)"), partLabel, saidOf),
        el("div", { class: "wb-quiet-text wb-small" }, "Keys: digits label, → passes, Z takes back, space plays."),
        el("h3", { class: "wb-next" }, "Next, most useful first"), coming),
      el("aside", { class: "wb-why", "aria-label": "What was learned" },
        el("h3", {}, "What was learned"), counts, report, el("div", { class: "wb-bar" }, apply, forget), whyNot, column)),
    el("div", { class: "wb-bar wb-small" }, el("span", { class: "wb-grow" }),
      ["csv", "json"].map((ending) => el("button", { type: "button", class: "wb-quiet", onclick: () => download(ending) }, `Labels as ${ending.toUpperCase()}`)),
      copy.button),
    copy.shown, said.node,
  );

  const guard = (work) => async (...given) => {
    try {
      said.say("");
      return await work(...given);
    } catch (error) {
      said.fail(error);
    }
  };

  // --- which track ----------------------------------------------------------------------------------

  const isOpen = (track) => !passed.has(track.id) && !labelled.has(track.id);

  const look = latest(guard(async () => {
    queue = (await ask("queue", { n: 6 + passed.size }, { slow: true })).filter(isOpen);
    if (!current && queue.length) show(queue[0]);
    draw();
  }));
  const learn = latest(guard(async () => drawReport(await ask("report", {}, { slow: true }))), 300);

  function show(track) {
    current = track;
    part.checked = false;
    if (model.get("playing") !== track.id) put(model, { playing: track.id, region: [] });
    drawSaid();
    draw();
  }

  function next() {
    const further = queue.filter((track) => track.id !== current?.id && isOpen(track));
    const heard = sound.playing;
    if (heard) sound.stop();
    queue = further;
    if (further.length) show(further[0]);
    else {
      current = null;
      draw();
    }
    if (heard && current) sound.play(ask, current);
    look();
  }

  function pass() {
    if (!current) return;
    passed.add(current.id);
    next();
  }

  const chosenPart = () => (part.checked && model.get("region").length === 2 ? model.get("region") : null);

  const say = guard(async (value) => {
    if (!current || value === undefined) return;
    const track = current;
    const where = chosenPart();
    drawProgress(await ask("say", { track: track.id, value, part: where }));
    passed.delete(track.id);
    if (where) drawSaid(); // a track has several parts
    else {
      labelled.add(track.id);
      next();
    }
    learn();
  });

  const undo = guard(async () => {
    const track = await ask("undo");
    passed.delete(track.id);
    labelled.delete(track.id);
    show(track);
    drawProgress(await ask("progress"));
    look();
    learn();
  });

  const write = guard(async () => {
    said.say("Learning …");
    apply.disabled = true;
    try {
      const made = await ask("apply", {}, { slow: true });
      drawReport(made.report);
      drawProgress(await ask("progress"));
      said.say("");
    } finally {
      apply.disabled = !learnable;
    }
  });

  const unwrite = guard(async () => {
    await ask("forget");
    drawProgress(await ask("progress"));
  });

  const download = guard(async (ending) => save(await ask("export", { ending })));

  // --- what is drawn --------------------------------------------------------------------------------

  function draw() {
    const values = model.get("choices");
    name.value = model.get("name");
    choices.value = values.join(", ");
    const facts = current && [current.artist, current.bpm && `${fixed(current.bpm)} BPM`, current.key, time(current.duration_s)].filter(Boolean).join(" · ");
    fill(card, current
      ? [playButton(ask, current), el("div", { class: "wb-grow" }, el("div", { class: "wb-title" }, named(current)), el("div", { class: "wb-facts" }, facts))]
      : el("span", { class: "wb-quiet-text" }, "Nothing left to label: analyze more, or choose a track in the table."));
    fill(buttons, values.map((value, i) =>
      el("button", { type: "button", class: "wb-quiet wb-choice", disabled: !current, "aria-keyshortcuts": String(i + 1), onclick: () => say(value) },
        el("kbd", {}, String(i + 1)), ` ${value}`)));
    fill(coming, queue.filter((track) => track.id !== current?.id).slice(0, 5).map((track) =>
      el("li", {}, el("button", { type: "button", class: "wb-link", onclick: () => show(track) }, named(track)), el("span", { class: "wb-quiet-text" }, ` ${track.artist ?? ""}`))));
    drawPart();
  }

  function drawPart() {
    const region = model.get("region");
    partLabel.hidden = region.length !== 2;
    partLabel.lastChild.textContent = region.length === 2 ? ` only ${time(region[0], 1)} – ${time(region[1], 1)}` : "";
  }

  const drawSaid = latest(guard(async () => {
    if (!current) return (saidOf.textContent = "");
    const labels = await ask("labels", { track: current.id });
    saidOf.textContent = labels.map((one) =>
      [one.name, one.value].filter(Boolean).join(": ") + (one.start_s === null ? "" : ` (${time(one.start_s, 1)} – ${time(one.end_s, 1)})`)).join(" · ");
  }));

  function drawProgress({ counts: numbers, column: applied }) {
    counts.textContent = Object.entries(numbers).map(([value, n]) => `${value} ${n}`).join(" · ");
    const kinds = Object.values(numbers).filter((n) => n > 0).length;
    learnable = kinds > 1;
    apply.disabled = !learnable;
    whyNot.textContent = learnable ? "" : kinds ? "To apply, label something else as another kind: one kind teaches nothing." : "To apply, label tracks or parts of at least two kinds.";
    const simple = /^[A-Za-z_]\w*$/.test(model.get("name"));
    const field = simple ? `label.${model.get("name")}` : `label[${JSON.stringify(model.get("name"))}]`;
    column.textContent = applied
      ? `The column ${field}: ${Object.entries(applied).map(([value, n]) => `${value} ${n.toLocaleString()}`).join(", ")}. Filter by it anywhere.`
      : "";
    forget.hidden = !applied;
  }

  function drawReport(found) {
    if (!found) return fill(report, el("p", { class: "wb-quiet-text" }, "Label two tracks or parts of each kind to see what was learned."));
    const percent = (share) => (share === null ? "–" : `${Math.round(100 * share)} %`);
    fill(report,
      el("p", {}, el("strong", {}, percent(found.accuracy)), ` of ${found.examples} labels are told right by a classifier that was not shown them; saying the commonest: ${percent(found.chance)}.`),
      el("table", { class: "wb-table" },
        el("thead", {}, el("tr", {}, ["", "right", "found", "labels"].map((text) =>
          el("th", { scope: "col", class: text && "wb-number" }, text || el("span", { class: "wb-hidden" }, "Label"))))),
        el("tbody", {}, found.classes.map((one) => el("tr", {}, el("th", { scope: "row" }, one.value),
          [percent(one.precision), percent(one.recall), one.examples].map((text) => el("td", { class: "wb-number" }, String(text))))))),
      el("p", { class: "wb-quiet-text wb-small" }, found.by_artist ? "No artist is on both sides of the test." : "Too few artists to keep them apart: on other artists it may do worse."));
  }

  // --- what is done ---------------------------------------------------------------------------------

  root.addEventListener("keydown", (event) => {
    if (event.target.closest("input[type=text]") || event.ctrlKey || event.metaKey || event.altKey) return;
    const digit = "123456789".indexOf(event.key);
    const keys = { ArrowRight: pass, z: undo, Z: undo, " ": () => (sound.playing ? sound.stop() : current && sound.play(ask, current)) };
    if (event.key === " " && event.target.closest("button, input")) return;
    if (!(event.key in keys) && (digit < 0 || event.key === "")) return;
    event.preventDefault();
    if (event.key in keys) keys[event.key]();
    else say(model.get("choices")[digit]);
  });
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Label tracks");

  const restart = () => {
    current = null;
    passed = new Set();
    labelled = new Set();
    draw();
    look();
    ask("progress").then(drawProgress, said.fail);
    learn();
  };
  model.on("change:name", restart);
  model.on("change:choices", draw);
  model.on("change:region", drawPart);
  model.on("change:playing", guard(async () => {
    const id = model.get("playing");
    if (id && id !== current?.id) show(await ask("track", { track: id }));
  }));
  restart();
}

export default { render };
