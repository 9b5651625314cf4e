// FilePicker: look through folders, tick what is meant.

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  const wantsFolders = model.get("folders");
  const several = model.get("multiple");
  const ticked = new Set();
  let folder = null;

  const bar = folderBar((to) => look(to));
  const entries = el("ul", { class: "wb-entries", "aria-label": "Folders and audio files" });
  const all = el("button", { type: "button", class: "wb-quiet", onclick: () => tickAll() }, "Tick all");
  const take = el("button", { type: "button", onclick: () => choose() });
  const copy = copyButton(ask);
  root.classList.add("wb", "wb-picker");
  root.append(
    el("h3", {}, model.get("title")),
    el("div", { class: "wb-bar" }, bar.nodes),
    entries,
    el("div", { class: "wb-bar" }, take, all, el("span", { class: "wb-grow" }), copy.button),
    copy.shown, said.node,
  );

  function look(to = null) {
    return ask("look", { path: to }).then(show, said.fail);
  }

  function show(found) {
    folder = found;
    said.say(found.hidden ? `${found.hidden.toLocaleString()} more are not shown.` : "");
    bar.show(found);
    const rows = found.folders.map((name) => row(name, true));
    if (!wantsFolders) rows.push(...found.files.map((name) => row(name, false)));
    fill(entries, rows.length ? rows : el("li", { class: "wb-quiet-text" }, "No folders or audio files in here."));
    all.hidden = !several || !entries.querySelector("input");
    count();
  }

  function row(name, isFolder) {
    const full = bar.within(name);
    const box = isFolder === wantsFolders &&
      el("input", {
        type: several ? "checkbox" : "radio", name: `${model.model_id || "pick"}-entry`, checked: ticked.has(full),
        "aria-label": name, onchange: (event) => tick(full, event.target.checked),
      });
    const label = isFolder
      ? el("button", { type: "button", class: "wb-quiet", onclick: () => look(full) }, `📁 ${name}`)
      : el("span", {}, name);
    return el("li", {}, isFolder ? [box || null, label] : el("label", {}, box || null, " ", label));
  }

  function tick(full, on) {
    if (!several) ticked.clear();
    if (on) ticked.add(full);
    else ticked.delete(full);
    count();
  }

  function tickAll() {
    for (const name of wantsFolders ? folder.folders : folder.files) ticked.add(bar.within(name));
    show(folder);
  }

  /** Say what would be taken: what is ticked, or else the folder that one looks at. */
  function count() {
    const here = wantsFolders && !ticked.size;
    take.disabled = !here && !ticked.size;
    take.textContent = here ? "Take this folder" : `Take ${ticked.size || "none"}`;
  }

  async function choose() {
    try {
      const taken = await ask("choose", { paths: ticked.size ? [...ticked] : [folder.path] });
      said.say(`Taken: ${taken.map((one) => one.split("/").pop()).slice(0, 5).join(", ")}${taken.length > 5 ? " …" : ""}`);
    } catch (error) {
      said.fail(error);
    }
  }

  look();
}

export default { render };
