// A box for words. What was understood goes where the widget's own controls show it; what was not is told here.

/** `answer(text)` asks the kernel, shows what it gives in place, and gives `{by, unknown, remarks}`. */
function askBox(model, said, example, answer) {
  const words = el("input", { type: "search", class: "wb-grow", maxlength: "1000", placeholder: example, "aria-label": "Ask in words" });
  const button = el("button", { type: "submit" }, "Ask");
  const told = el("div", { class: "wb-told", role: "status", "aria-live": "polite" });
  const line = (label, text) => el("div", {}, el("strong", {}, label), text);

  const submit = async (event) => {
    event.preventDefault();
    const text = words.value.trim();
    fill(told);
    said.say("");
    if (!text) return put(model, { text: "" });
    button.disabled = true;
    said.say("Reading …");
    try {
      const { by, unknown, remarks } = await answer(text);
      said.say("");
      fill(told,
        unknown.length ? line("Not understood: ", unknown.join(", ")) : null,
        remarks.map((remark) => line("", remark)),
        line("", by));
    } catch (error) {
      said.fail(error);
    } finally {
      button.disabled = false;
    }
  };
  const show = () => (words.value = model.get("text"));
  model.on("change:text", show);
  show();
  return el("div", { class: "wb-asking" }, el("form", { class: "wb-bar", onsubmit: submit }, words, button), told);
}
