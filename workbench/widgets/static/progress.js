// How a job stands: a bar, words, what failed; for every widget that shows jobs.

const STATES = {
  queued: "waits", planning: "looks for files", running: "runs", done: "done", failed: "failed",
  cancelled: "stopped", interrupted: "interrupted",
};
const ENDED = new Set(["done", "failed", "cancelled"]);

/** A job on the page: `show(job)` with what the kernel says of it. */
function jobView(ask, said) {
  let job = null;
  const bar = el("div", { class: "wb-progress", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" },
    el("div", {}));
  const words = el("div", { class: "wb-facts", "aria-live": "polite" });
  const current = el("div", { class: "wb-facts wb-path" });
  const failed = el("button", { type: "button", class: "wb-quiet", "aria-expanded": "false", onclick: () => toggleFailures() });
  const list = el("ul", { class: "wb-failures", hidden: true });
  const stop = el("button", { type: "button", class: "wb-quiet", onclick: () => act("cancel") }, "Stop");
  const go = el("button", { type: "button", class: "wb-quiet", onclick: () => act("resume") }, "Go on");
  const node = el("div", { class: "wb-job", hidden: true },
    bar, el("div", { class: "wb-bar" }, words, el("span", { class: "wb-grow" }), failed, stop, go), current, list);

  async function act(name) {
    try {
      show(await ask(name, { job_id: job.job_id }));
    } catch (error) {
      said.fail(error);
    }
  }

  function toggleFailures() {
    list.hidden = !list.hidden;
    failed.setAttribute("aria-expanded", String(!list.hidden));
    nameFailures();
    if (!list.hidden) listFailures();
  }

  const nameFailures = () => (failed.textContent = `${job.failed.toLocaleString()} failed ${list.hidden ? "▸" : "▾"}`);

  const listFailures = latest(async () => {
    const { files, next } = await ask("failures", { job_id: job.job_id });
    fill(list,
      files.map((file) => el("li", {}, el("strong", {}, file.path.split(/[\\/]/).pop()), ` ${file.detail || file.reason}. `,
        el("span", { class: "wb-quiet-text" }, file.remedy))),
      next === null ? null : el("li", { class: "wb-quiet-text" }, "… and more: lib.failed() lists them all"));
  });

  function show(news) {
    if (job && news.job_id === job.job_id && news.seq < job.seq) return;
    const further = job && news.failed !== job.failed;
    job = news;
    node.hidden = false;
    const share = job.state === "planning" || job.state === "queued" ? 0 : job.percentage ?? 0;
    bar.firstChild.style.width = `${share}%`;
    bar.setAttribute("aria-valuenow", share.toFixed(0));
    words.textContent = [
      `${STATES[job.state] ?? job.state}`,
      job.total ? `${job.done.toLocaleString()} of ${job.total.toLocaleString()} files` : null,
      ENDED.has(job.state) ? null : `${share.toFixed(0)} %`,
      job.rate && !ENDED.has(job.state) ? `${job.rate.toFixed(1)} files/s` : null,
      job.eta_s !== null && !ENDED.has(job.state) ? `${time(job.eta_s)} left` : null,
    ].filter(Boolean).join(" · ");
    current.textContent = ENDED.has(job.state) ? "" : job.current_file ?? "";
    failed.hidden = !job.failed;
    nameFailures();
    if (further && !list.hidden) listFailures();
    stop.hidden = ENDED.has(job.state) || job.state === "interrupted";
    go.hidden = !["cancelled", "interrupted", "failed"].includes(job.state);
  }

  return { node, show, get job() { return job; } };
}
