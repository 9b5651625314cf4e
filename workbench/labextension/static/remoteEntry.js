// The workbench in JupyterLab: dashboards in the launcher, a panel at the side, and entries for audio files.
//
// JupyterLab takes an extension as a container with `init` and `get`, by which it hands over the modules that are
// shared. This one is small enough to be written by hand: nobody needs node to build it, and nothing is fetched.
// Text from files only ever becomes text nodes, never markup.
"use strict";

(() => {
  const NAME = "audio-workbench";
  const API = "workbench/api/v1";
  const PAGES = "workbench/dashboards";
  const AUDIO = /\.(wav|wave|rf64|w64|aiff?|aifc|flac|ogg|oga|opus|mp3|mp2|caf|au|snd|m4a|mp4|aac|wma)$/i;
  const FINISHED = new Set(["done", "failed", "cancelled", "interrupted"]);
  const POLL_MS = 2000;

  let scope = null;

  /** Give a module that JupyterLab shares: of several versions the one that it loads itself. */
  async function shared(name) {
    const versions = Object.values(scope[name] || {});
    if (!versions.length) throw new Error(`JupyterLab does not share ${name}`);
    const version = versions.find((one) => one.loaded) || versions.at(-1);
    return (await version.get())();
  }

  function el(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== false && value !== null) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  async function make() {
    const [widgets, launcher, browser, services, coreutils, ui] = await Promise.all([
      shared("@lumino/widgets"), shared("@jupyterlab/launcher"), shared("@jupyterlab/filebrowser"),
      shared("@jupyterlab/services"), shared("@jupyterlab/coreutils"), shared("@jupyterlab/ui-components"),
    ]);
    const { ServerConnection } = services;
    const usual = ServerConnection.makeSettings();
    // "no-store" would put a number into each address, which the API does not know
    const settings = ServerConnection.makeSettings({ ...usual, init: { ...usual.init, cache: "no-cache" } });
    const url = (...parts) => coreutils.URLExt.join(settings.baseUrl, ...parts);
    const icon = new ui.LabIcon({
      name: `${NAME}:icon`,
      svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="16"><g class="jp-icon3" fill="#616161">
        <rect x="1" y="6" width="2" height="4" rx="1"/><rect x="4.5" y="2" width="2" height="12" rx="1"/>
        <rect x="8" y="4.5" width="2" height="7" rx="1"/><rect x="11.5" y="3" width="2" height="10" rx="1"/></g></svg>`,
    });

    /** Ask the API; an answer that is a problem becomes an error that says what to do. */
    async function ask(path, init = {}, below = API) {
      const answer = await ServerConnection.makeRequest(url(below, path), init, settings);
      const found = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error([found.title, found.detail].filter(Boolean).join(" ") || answer.statusText);
      return found;
    }

    const inJson = (method, body) => ({ method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

    // --- the panel --------------------------------------------------------------------------------

    class Panel extends widgets.Widget {
      constructor() {
        super({ node: el("div", { class: "wb-lab" }) });
        this.id = `${NAME}-panel`;
        this.title.icon = icon;
        this.title.caption = "Workbench: search by sound, jobs";
        this.said = el("p", { class: "wb-lab-said", role: "status" });
        this.library = el("p", {}, "…");
        this.jobs = el("ul", { "aria-label": "Jobs" });
        this.results = el("ol", { "aria-label": "Results" });
        this.file = el("input", {
          type: "file", accept: "audio/*", class: "wb-lab-hidden", tabindex: "-1", "aria-label": "Audio file",
          onchange: () => this.file.files.length && this.search(this.file.files[0]),
        });
        const drop = el("div", { class: "wb-lab-drop" },
          el("button", { type: "button", class: "jp-Button", onclick: () => this.file.click() }, "Choose a clip"),
          el("p", {}, "or drop an audio file here"), this.file);
        drop.addEventListener("dragover", (event) => event.preventDefault());
        drop.addEventListener("drop", (event) => {
          event.preventDefault();
          if (event.dataTransfer.files.length) this.search(event.dataTransfer.files[0]);
        });
        this.node.append(
          el("h2", {}, "Find similar"), drop, this.said, this.results,
          el("h2", {}, "Jobs"), this.jobs, el("h2", {}, "Library"), this.library);
      }

      onAfterShow() {
        this.refresh();
        this.timer = setInterval(() => this.refresh(), POLL_MS);
      }

      onBeforeHide() {
        clearInterval(this.timer);
      }

      dispose() {
        clearInterval(this.timer);
        super.dispose();
      }

      say(text, wrong = false) {
        this.said.textContent = text;
        this.said.classList.toggle("wb-lab-wrong", wrong);
      }

      async refresh() {
        try {
          const [jobs, tracks] = await Promise.all([ask("jobs?limit=5"), ask("tracks?limit=1")]);
          this.jobs.replaceChildren(...(jobs.jobs.length ? jobs.jobs.map((job) => this.job(job)) : [el("li", {}, "None yet.")]));
          this.library.textContent = tracks.tracks.length
            ? "There are tracks to search."
            : "Empty. Right-click an audio file or a folder: Analyze audio.";
        } catch (error) {
          this.library.textContent = error.message;
        }
      }

      job(job) {
        const share = Math.round(job.percentage);
        const state = FINISHED.has(job.state) ? `${job.state}, ${job.done} of ${job.total} files` : `${share} %, ${job.done} of ${job.total} files`;
        return el("li", {}, `Job ${job.job_id}: ${state}${job.failed ? `, ${job.failed} failed` : ""}`,
          FINISHED.has(job.state) ? null : el("progress", { max: "100", value: String(share), "aria-label": `Job ${job.job_id}` }),
          FINISHED.has(job.state) ? null : el("button", {
            type: "button", class: "jp-Button", onclick: () => ask(`jobs/${job.job_id}`, { method: "DELETE" }).then(() => this.refresh()),
          }, "Stop"));
      }

      async search(file) {
        this.say(`Searching for what sounds like ${file.name} …`);
        this.results.replaceChildren();
        const form = new FormData();
        form.append("file", file, file.name);
        try {
          const found = await ask("audio/find-similar", { method: "POST", body: form });
          this.say(found.results.length ? `Sounds like ${file.name}:` : "There is nothing in the library yet.");
          this.results.replaceChildren(...found.results.map((result) =>
            el("li", { title: result.why },
              el("strong", {}, result.title || result.path.split("/").pop()),
              ` ${result.score.toFixed(2)}`, el("br"), el("small", {}, result.why))));
        } catch (error) {
          this.say(error.message, true);
        }
      }
    }

    /** A dashboard in a tab. A frame that is taken away tells nobody, so the tab ends its kernel. */
    class Dashboard extends widgets.Widget {
      constructor(about) {
        const frame = el("iframe", { src: url(PAGES, about.name), title: about.title });
        super({ node: el("div", { class: "wb-lab-frame" }, frame) });
        this.frame = frame;
        this.id = `${NAME}-${about.name}`;
        this.title.label = about.title;
        this.title.icon = icon;
        this.title.closable = true;
      }

      onBeforeDetach() { // also when the tab is moved, which opens the frame anew
        const config = this.frame.contentDocument?.getElementById("jupyter-config-data");
        const kernel = config && JSON.parse(config.textContent).kernelId;
        if (kernel) ServerConnection.makeRequest(url("api/kernels", kernel), { method: "DELETE" }, settings).catch(() => {});
      }
    }

    return {
      id: `${NAME}:plugin`,
      description: "Dashboards, jobs and search by sound.",
      autoStart: true,
      optional: [launcher.ILauncher, browser.IDefaultFileBrowser],
      activate: async (app, launching, files) => {
        if (document.body.dataset.voila !== undefined || !app.shell.add) return; // a dashboard loads it too
        const panel = new Panel();
        app.shell.add(panel, "left", { rank: 600 });

        const { dashboards, root } = await ask("", {}, PAGES).catch(() => ({ dashboards: [], root: "" }));
        for (const [rank, about] of dashboards.entries()) {
          const command = `${NAME}:open-${about.name}`;
          app.commands.addCommand(command, {
            label: about.title,
            caption: about.says,
            icon,
            execute: () => {
              const open = new Dashboard(about);
              const shown = [...app.shell.widgets("main")].find((one) => one.id === open.id);
              if (shown) open.dispose();
              else app.shell.add(open, "main");
              app.shell.activateById(open.id);
            },
          });
          launching?.add({ command, category: "Workbench", rank });
        }
        if (!files) return;

        const picked = () => [...files.selectedItems()];
        const audio = () => picked().filter((item) => item.type !== "directory" && AUDIO.test(item.path));
        const folders = () => picked().filter((item) => item.type === "directory");
        app.commands.addCommand(`${NAME}:analyze`, {
          label: "Analyze audio",
          icon,
          isVisible: () => audio().length + folders().length > 0,
          execute: async () => {
            app.shell.activateById(panel.id);
            try {
              const paths = [...audio(), ...folders()].map((item) => `${root}/${item.path}`);
              const job = await ask("audio/batch-analyze", inJson("POST", { paths }));
              panel.say(`Job ${job.job_id} has begun.`);
              panel.refresh();
            } catch (error) {
              panel.say(error.message, true);
            }
          },
        });
        app.commands.addCommand(`${NAME}:find-similar`, {
          label: "Find similar",
          icon,
          isVisible: () => audio().length === 1,
          execute: async () => {
            app.shell.activateById(panel.id);
            const [item] = audio();
            const answer = await ServerConnection.makeRequest(url("files", coreutils.URLExt.encodeParts(item.path)), {}, settings);
            await panel.search(new File([await answer.blob()], item.name));
          },
        });
        const selector = ".jp-DirListing-item";
        app.contextMenu.addItem({ command: `${NAME}:analyze`, selector, rank: 4 });
        app.contextMenu.addItem({ command: `${NAME}:find-similar`, selector: `${selector}[data-isdir="false"]`, rank: 5 });
      },
    };
  }

  const STYLE = `
    .wb-lab { padding: 8px 12px; overflow-y: auto; color: var(--jp-ui-font-color1); font-size: var(--jp-ui-font-size1); }
    .wb-lab h2 { font-size: var(--jp-ui-font-size1); font-weight: 600; margin: 16px 0 8px; }
    .wb-lab ul, .wb-lab ol { margin: 0; padding-left: 20px; } .wb-lab li { margin: 4px 0; } .wb-lab small { color: var(--jp-ui-font-color2); }
    .wb-lab-drop { border: 2px dashed var(--jp-border-color1); border-radius: 4px; padding: 12px; text-align: center; }
    .wb-lab-drop p { margin: 8px 0 0; color: var(--jp-ui-font-color2); } .wb-lab-hidden { display: none; }
    .wb-lab progress { width: 100%; } .wb-lab-wrong { border-left: 4px solid var(--jp-error-color1); padding-left: 8px; }
    .wb-lab-frame iframe { width: 100%; height: 100%; border: 0; display: block; }`;

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: (given) => {
      scope = given;
    },
    get: async (module) => {
      if (module !== "./extension") throw new Error(`${NAME} has no module ${module}`);
      // Voila loads all extensions too, and has neither a launcher nor a browser of files
      if (!scope["@jupyterlab/launcher"]) return () => ({ __esModule: true, default: [] });
      document.head.append(el("style", {}, STYLE));
      const plugin = await make();
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();
