// What Voila expects of a page.
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

// Voila ends the kernel of a page that is left. Where the browser has kept the page to go back to, it is opened anew.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
