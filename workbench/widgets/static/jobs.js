// JobMonitor: the jobs of a library, newest first, whoever begins them.

const EVERY_MS = 2000;

function render({ model, el: root }) {
  const ask = asker(model);
  const said = notice();
  const views = new Map();
  const list = el("div", { class: "wb-jobs" });
  const more = el("button", { type: "button", class: "wb-quiet", hidden: true, onclick: () => older() }, "Older jobs");
  const none = el("p", { class: "wb-quiet-text", hidden: true }, "No jobs yet: analyze a folder.");
  let next = null; // where older jobs begin
  let away = false; // the kernel has said what is wrong instead of jobs
  root.classList.add("wb", "wb-monitor");
  root.append(none, list, el("div", { class: "wb-bar" }, more), said.node);

  /** Show a job that is known, or put it above or below all others. */
  function show(job, add) {
    if (!views.has(job.job_id)) {
      const view = jobView(ask, said);
      views.set(job.job_id, view);
      add(el("section", {}, el("h3", {}, `Job ${job.job_id}`), view.node));
    }
    views.get(job.job_id).show(job);
  }

  function goOn(page) {
    next = page.next;
    more.hidden = next === null;
  }

  const look = latest(async () => {
    try {
      const page = await ask("page");
      if (!page.jobs.some((job) => views.has(job.job_id))) { // the first ones, or so many that some would be missing
        views.clear();
        list.replaceChildren();
        goOn(page);
      }
      for (const job of page.jobs.reverse()) show(job, (node) => list.prepend(node));
      none.hidden = views.size > 0;
      if (away) said.say("");
      away = false;
    } catch (error) {
      away = true;
      said.fail(error);
    }
  });

  async function older() {
    try {
      const page = await ask("page", { after: next });
      for (const job of page.jobs) show(job, (node) => list.append(node));
      goOn(page);
    } catch (error) {
      said.fail(error);
    }
  }

  model.on("msg:custom", (message) => message.job && views.get(message.job.job_id)?.show(message.job));
  // a page in the background, or a tab of JupyterLab behind another, asks for nothing
  const onlook = () => !document.hidden && root.getClientRects().length && look();
  const timer = setInterval(onlook, EVERY_MS);
  document.addEventListener("visibilitychange", onlook);
  look();
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", onlook);
  };
}

export default { render };
