// What Voila and the kernel expect of a page, and what happens to the kernel when the page is closed.
"use strict";

/** Called when the last cell is out, and once more when the theme is there. */
window.voila_finish = () => {
  const opening = document.getElementById("opening");
  if (opening) opening.hidden = true;
};
window.voila_process = () => {};
window.voila_heartbeat = () => {};

// The theme follows the system; Jupyter's code wants to know which it is.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const tell = () => {
  document.body.dataset.jpThemeLight = String(!dark.matches);
  document.body.dataset.jpThemeName = dark.matches ? "JupyterLab Dark" : "JupyterLab Light";
};
dark.addEventListener("change", tell);
tell();

// A page that is left takes its kernel with it. Where the browser keeps the page to go back to, it is opened anew.
window.addEventListener("pagehide", () => {
  const config = JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}");
  const secret = document.cookie.split("; ").find((one) => one.startsWith("_xsrf="));
  if (!config.kernelId) return;
  fetch(`${config.baseUrl}voila/api/shutdown/${config.kernelId}`, {
    method: "POST",
    keepalive: true,
    headers: { "X-XSRFToken": secret ? decodeURIComponent(secret.slice(6)) : "" },
  }).catch(() => {});
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
