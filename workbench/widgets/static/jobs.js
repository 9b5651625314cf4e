// JobMonitor: the jobs of a library, newest first.

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  const views = new Map();
  const list = el("div", { class: "wb-jobs" });
  const more = el("button", { type: "button", class: "wb-quiet", hidden: true, onclick: () => load(next) }, "Older jobs");
  const again = el("button", { type: "button", class: "wb-quiet", onclick: () => restart() }, "Look again");
  let next = null;
  root.classList.add("wb", "wb-monitor");
  root.append(list, el("div", { class: "wb-bar" }, again, more), said.node);

  async function load(after) {
    try {
      const page = await ask("page", { after });
      next = page.next;
      more.hidden = next === null;
      for (const job of page.jobs) {
        const view = jobView(ask, said);
        view.show(job);
        views.set(job.job_id, view);
        list.append(el("section", {}, el("h3", {}, `Job ${job.job_id}`), view.node));
      }
      said.say(views.size ? "" : "No jobs yet: analyze a folder.");
    } catch (error) {
      said.fail(error);
    }
  }

  function restart() {
    views.clear();
    list.replaceChildren();
    load(null);
  }

  model.on("msg:custom", (message) => message.job && views.get(message.job.job_id)?.show(message.job));
  restart();
}

export default { render };
