// What opens above the page: a novel's text around a place, and a panel with the ones before and after it.
import { $, call, download, showPicture } from "/page/api.js";
import { chapterName, fileOf, nameOf, prose, unwrapped } from "/page/prose.js";

const reader = $("#reader"), viewer = $("#viewer");
let page = null;
let shown = null;

// `place` has novel, char_start, char_end, and what it is called by
export async function openReader(place) {
  page = { place, start: Math.max(0, place.char_start - 1500), end: place.char_end + 1500 };
  $("#reader-title").textContent = `${place.title || nameOf(place.novel)} · ${chapterName(place)}`;
  $(".page", reader).replaceChildren("…");
  if (!reader.open) reader.showModal();
  await turn();
  $(".here", reader)?.scrollIntoView({ block: place.block || "center" });
}

async function turn() {
  const { place, start, end } = page;
  const url = `/api/novels/${encodeURIComponent(place.novel)}/text?start=${start}&end=${end}`;
  const piece = await (await call(url)).json();
  const letters = Array.from(piece.text);
  const cut = (from, to) => prose(unwrapped(letters.slice(Math.max(0, from - start), Math.max(0, to - start)).join("")));
  const here = document.createElement("span");
  here.className = "here";
  here.append(...cut(place.char_start, place.char_end));
  $(".page", reader).replaceChildren(...cut(start, place.char_start), here, ...cut(place.char_end, end));
  $('[data-turn="-1"]', reader).disabled = start === 0;
  $('[data-turn="1"]', reader).disabled = piece.char_end >= piece.length;
}

for (const button of reader.querySelectorAll("[data-turn]")) {
  button.addEventListener("click", async () => {
    const before = button.dataset.turn === "-1";
    const pane = $(".page", reader), height = pane.scrollHeight;
    if (before) page.start = Math.max(0, page.start - 4000, page.end - 19000);
    else page.end = Math.min(page.end + 4000, page.start + 19000);
    await turn();
    if (before) pane.scrollTop += pane.scrollHeight - height;
  });
}

const scenes = new Map();

// which scene each panel of a novel shows; asked for once
function scenesOf(novel) {
  if (!scenes.has(novel)) {
    const url = `/api/novels/${encodeURIComponent(novel)}/panels-of-scene`;
    const asked = call(url).then((answer) => answer.json());
    asked.catch(() => scenes.delete(novel));
    scenes.set(novel, asked);
  }
  return scenes.get(novel);
}

// the scene of a region, or of a whole page the one that fits best
async function sceneOf(panel) {
  const { panels } = await scenesOf(panel.novel);
  const here = panels.filter((each) => isPageOf(each, panel));
  const same = here.filter((each) => panel.region && each.region === panel.region);
  return (same.length ? same : here).sort((one, other) => other.similarity - one.similarity)[0];
}

// `panels` are those of the novel in reading order where they are known, the first of `total`, so that one can go on
export async function openViewer(panel, panels = null, total = panels?.length) {
  shown = { panel, panels, total, first: 1, whole: false };
  draw();
  if (!viewer.open) viewer.showModal();
  if (!panels) await lookAround(panel.page || 1);
}

// the novel's panels a hundred before and behind a number: of a run of a thousand pages those that one may turn to
async function lookAround(number) {
  const { panel } = shown, first = Math.max(1, number - 100);
  const url = `/api/novels/${encodeURIComponent(panel.novel)}/panels?start=${first}&count=200`;
  const found = await (await call(url)).json().catch(() => null);
  if (!found || shown.panel !== panel) return;
  const panels = found.panels.map((each) => ({ ...each, novel: panel.novel, title: panel.title }));
  Object.assign(shown, { panels, first, total: found.total });
  draw();
}

function draw() {
  const { panel, panels, first, total } = shown;
  const at = panels ? panels.findIndex((each) => isPageOf(each, panel)) : -1;
  $("#viewer-title").textContent = [panel.title || nameOf(panel.novel), fileOf(panel),
    at >= 0 ? `${first + at} of ${total}` : ""].filter(Boolean).join(" · ");
  const image = $("img", viewer);
  const url = shown.whole ? panel.page_url : panel.url;
  if (image.dataset.url !== url) {
    image.dataset.url = url;
    image.removeAttribute("src");
    image.alt = `${nameOf(panel.novel)}, ${fileOf(panel)}`;
    showPicture(image, url).catch((error) => { image.alt = error.message; });
  }
  const link = $(".passage-of", viewer);
  link.hidden = true;
  sceneOf(panel).then((scene) => {
    if (!scene || shown.panel !== panel) return;
    link.hidden = false;
    link.title = scene.sentence;
    link.onclick = () => {
      viewer.close();
      openReader({ ...scene, novel: panel.novel, title: panel.title });
    };
  }).catch(() => {});
  // a region of a page can also be seen where it stands
  $(".whole", viewer).hidden = !panel.region;
  $(".whole", viewer).setAttribute("aria-pressed", String(shown.whole));
  $('[data-step="-1"]', viewer).disabled = at < 0 || first + at === 1;
  $('[data-step="1"]', viewer).disabled = at < 0 || first + at === total;
}

const isPageOf = (page, panel) => page.path === panel.path && page.entry === panel.entry;

async function step(by) {
  const at = shown.panels ? shown.panels.findIndex((each) => isPageOf(each, shown.panel)) : -1;
  const number = shown.first + at + by;
  if (at < 0 || number < 1 || number > shown.total) return;
  if (!shown.panels[number - shown.first]) await lookAround(number);
  const next = shown.panels[number - shown.first];
  if (next) { Object.assign(shown, { panel: next, whole: false }); draw(); }
}

for (const button of viewer.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => step(Number(button.dataset.step)));
}
viewer.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by) { event.preventDefault(); step(by); }
});
// a strip is as wide as can be read, and scrolls
$("img", viewer).addEventListener("load", ({ target }) => {
  target.classList.toggle("tall", target.naturalHeight > 2.5 * target.naturalWidth);
});
$(".whole", viewer).addEventListener("click", () => { shown.whole = !shown.whole; draw(); });
$(".download", viewer).addEventListener("click", () => {
  download(shown.whole ? shown.panel.page_url : shown.panel.url, fileOf(shown.panel).split(/[/·] ?/).pop());
});

for (const dialog of [reader, viewer]) {
  $(".close", dialog).addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}
