// BatchAnalysis: pick a folder, see what it takes, begin, watch.

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  const view = jobView(ask, said);
  let folder = null;

  const bar = folderBar((to) => look(to));
  const folders = el("div", { class: "wb-folders" });
  const cost = el("span", { class: "wb-quiet-text", "aria-live": "polite" });
  const set = el("select", { "aria-label": "Descriptors", onchange: () => save("descriptors", set.value) },
    el("option", { value: "fast" }, "usual descriptors"), el("option", { value: "full" }, "all descriptors"));
  const retry = el("input", { type: "checkbox", onchange: () => save("retry_failed", retry.checked) });
  const begin = el("button", { type: "button", disabled: true, onclick: () => start() }, "Analyze");
  const copy = copyButton(ask);
  const save = (key, value) => {
    put(model, { [key]: value });
  };
  root.classList.add("wb", "wb-analysis");
  root.append(
    el("div", { class: "wb-bar" }, bar.nodes, begin),
    folders,
    el("div", { class: "wb-bar wb-small" }, cost, el("span", { class: "wb-grow" }), set,
      el("label", {}, retry, " try failed files again"), copy.button),
    copy.shown, view.node, said.node,
  );

  const look = latest(async (to) => {
    try {
      said.say("");
      folder = await ask("look", { path: to });
      bar.show(folder);
      fill(folders,
        folder.folders.map((name) =>
          el("button", { type: "button", class: "wb-quiet", onclick: () => look(bar.within(name)) }, `📁 ${name}`)),
        folder.folders.length ? null : el("span", { class: "wb-quiet-text" }, "No folders in here."));
      cost.textContent = "Counting …";
      const found = await ask("estimate", { path: folder.path }, { slow: true });
      cost.textContent = found.files
        ? `${found.files.toLocaleString()} files, ${found.new.toLocaleString()} of them new` +
          (found.seconds ? `, about ${time(found.seconds)}` : found.new ? ", time not known yet" : "")
        : "No audio files in here.";
      begin.disabled = !found.files;
    } catch (error) {
      said.fail(error);
    }
  });

  async function start() {
    try {
      view.show(await ask("start", { path: folder.path }));
    } catch (error) {
      said.fail(error);
    }
  }

  model.on("msg:custom", (message) => message.job && message.job.job_id === model.get("job_id") && view.show(message.job));
  set.value = model.get("descriptors");
  retry.checked = model.get("retry_failed");
  look(model.get("path"));
  ask("watch").then((job) => job && view.show(job), said.fail);
}

export default { render };
