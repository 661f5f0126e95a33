// The search page. Everything shown comes from the HTTP API of the same origin; the address bar holds the question.
const $ = (selector, from = document) => from.querySelector(selector);
const EXAMPLES = ["who keeps the lamp burning at night", "two strangers quarrel at a ball",
  "a storm at sea", "a sleeping orange cat in the desert", "alone in a dark house"];
const form = $("#ask"), field = $("#q"), status = $("#status"), results = $("#results"), welcome = $("#welcome");
let titles = new Map();
let running = null;

// --- talking to the API ---

async function call(url, options = {}) {
  const key = sessionStorage.getItem("key");
  const headers = { ...options.headers, ...(key ? { "X-API-Key": key } : {}) };
  const answer = await fetch(url, { ...options, headers });
  if (answer.status === 401) {
    await askForKey();
    return call(url, options);
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail || `The server answered ${answer.status}.`);
  }
  return answer;
}

function askForKey() {
  const dialog = $("#key-dialog");
  if (!dialog.open) dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => {
    sessionStorage.setItem("key", $("#key").value.trim());
    done();
  }, { once: true }));
}

async function showPicture(image, url) {
  // a picture tag sends no key, so with one the bytes are fetched
  if (!sessionStorage.getItem("key")) { image.src = url; return; }
  const blob = await (await call(url)).blob();
  image.src = URL.createObjectURL(blob);
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
}

// --- the question and the address bar ---

function question() {
  const data = new FormData(form);
  const parameters = new URLSearchParams();
  for (const name of ["q", "kind", "novel", "mode"]) {
    const value = (data.get(name) || "").toString().trim();
    const usual = { kind: "both", mode: "hybrid" }[name];
    if (value && value !== usual) parameters.set(name, value);
  }
  return parameters;
}

function fill(parameters) {
  field.value = parameters.get("q") || "";
  form.elements.kind.value = parameters.get("kind") || "both";
  form.elements.mode.value = parameters.get("mode") || "hybrid";
  form.elements.novel.value = parameters.get("novel") || "";
}

function go(parameters) {
  const search = parameters.toString();
  if (search !== location.search.slice(1)) history.pushState(null, "", search ? `/?${search}` : "/");
  return show(parameters);
}

async function show(parameters) {
  fill(parameters);
  if (!parameters.get("q") && !parameters.get("like")) {
    running?.abort();
    say("");
    results.hidden = true;
    welcome.hidden = false;
    document.title = "Morpheus";
    return;
  }
  document.title = `${parameters.get("q") || "More like this"} · Morpheus`;
  await find((signal) => call(`/api/embeddings/search?k=12&${parameters}`, { signal }),
    parameters.get("like") ? "More like this" : "");
}

async function find(ask, heading) {
  running?.abort();
  running = new AbortController();
  const mine = running;
  say("Searching …", "busy");
  const started = performance.now();
  try {
    const answer = await (await ask(mine.signal)).json();
    if (mine !== running) return;
    draw(answer);
    const seconds = ((performance.now() - started) / 1000).toFixed(2);
    const count = (n, one, many) => (n ? `${n} ${n === 1 ? one : many}` : "");
    const found = [count(answer.passages.length, "passage", "passages"), count(answer.panels.length, "panel", "panels")]
      .filter(Boolean).join(" and ") || "Nothing found";
    say([heading, `${found} in ${seconds} s.`, ...answer.notes].filter(Boolean).join(" · "));
  } catch (error) {
    if (error.name === "AbortError") return;
    results.hidden = true;
    say(error.message, "bad");
  }
}

function say(text, kind = "") {
  status.textContent = text;
  status.className = kind;
}

// --- results ---

function draw(answer) {
  welcome.hidden = true;
  results.hidden = false;
  const lists = { panels: answer.panels.map(panelCard), passages: answer.passages.map(passageCard) };
  for (const [name, cards] of Object.entries(lists)) {
    const section = $(`#${name}`);
    section.hidden = cards.length === 0;
    $("ol", section).replaceChildren(...cards);
  }
  results.classList.toggle("only", lists.panels.length === 0 || lists.passages.length === 0);
}

function card(template, hit) {
  const item = $(template).content.firstElementChild.cloneNode(true);
  item.dataset.id = hit.id;
  $(".novel", item).textContent = hit.title || titles.get(hit.novel) || nameOf(hit.novel);
  const near = hit.similarity;
  if (near === null) $(".near", item).remove();
  else {
    $("meter", item).value = Math.max(0, near);
    $("meter", item).setAttribute("aria-label", "similarity");
    $(".number", item).textContent = near.toFixed(2);
    $(".near", item).title = `Cosine similarity ${near.toFixed(4)}`;
  }
  $(".more", item).addEventListener("click", () => moreLike(hit, item));
  return item;
}

function passageCard(hit) {
  const item = card("#passage-card", hit);
  $(".chapter", item).textContent = hit.chapter_title || `Chapter ${hit.chapter}`;
  $("blockquote", item).append(...marked(hit));
  $(".read", item).addEventListener("click", () => openReader(hit));
  return item;
}

// The passage with its nearest sentence marked; a sentence far down brings the excerpt with it, so that it is seen.
function marked(hit) {
  const best = hit.best_sentence;
  const letters = Array.from(hit.passage);
  if (!best || best.similarity < 0.45) return [unwrapped(hit.passage)];
  const start = best.char_start - hit.char_start, end = best.char_end - hit.char_start;
  const mark = document.createElement("mark");
  mark.textContent = unwrapped(letters.slice(start, end).join(""));
  mark.title = `The nearest sentence: ${best.similarity.toFixed(2)}`;
  let before = letters.slice(0, start).join("");
  if (before.length > 320) before = "… " + before.slice(-220).replace(/^\S*\s+/, "");
  return [unwrapped(before), mark, unwrapped(letters.slice(end).join(""))];
}

// lines of the source wrap at seventy letters; paragraphs stay
function unwrapped(text) {
  return text.replace(/\r/g, "").replace(/(\S)[ \t]*\n(?=[ \t]*\S)/g, "$1 ").replace(/\n{2,}/g, "\n\n");
}

function panelCard(hit) {
  const item = card("#panel-card", hit);
  const name = hit.path.split("/").pop();
  $("img", item).alt = `${nameOf(hit.novel)}, ${name}`;
  showPicture($("img", item), hit.thumbnail_url).catch(() => item.classList.add("missing"));
  $(".read", item).addEventListener("click", () => openViewer(hit));
  return item;
}

function moreLike(hit, item) {
  const kind = item.classList.contains("panel") ? "panels" : form.elements.kind.value;
  const parameters = new URLSearchParams({ like: hit.id });
  if (kind !== "both") parameters.set("kind", kind);
  window.scrollTo({ top: 0 });
  return go(parameters);
}

function nameOf(novel) {
  return novel.split("-").map((word, at) => (at && word.length < 4 ? word : word[0].toUpperCase() + word.slice(1)))
    .join(" ");
}

// --- reading on ---

const reader = $("#reader"), viewer = $("#viewer");
let page = null;

async function openReader(hit) {
  page = { hit, start: Math.max(0, hit.char_start - 1500), end: hit.char_end + 1500 };
  $("#reader-title").textContent =
    `${hit.title || nameOf(hit.novel)} · ${hit.chapter_title || `Chapter ${hit.chapter}`}`;
  $(".page", reader).replaceChildren("…");
  reader.showModal();
  await turn();
  $(".here", reader)?.scrollIntoView({ block: "center" });
}

async function turn() {
  const { hit, start, end } = page;
  const url = `/api/novels/${encodeURIComponent(hit.novel)}/text?start=${start}&end=${end}`;
  const piece = await (await call(url)).json();
  const letters = Array.from(piece.text);
  const cut = (from, to) => unwrapped(letters.slice(Math.max(0, from - start), Math.max(0, to - start)).join(""));
  const here = document.createElement("span");
  here.className = "here";
  here.textContent = cut(hit.char_start, hit.char_end);
  $(".page", reader).replaceChildren(cut(start, hit.char_start), here, cut(hit.char_end, end));
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

function openViewer(hit) {
  $("#viewer-title").textContent = `${nameOf(hit.novel)} · ${hit.path.split("/").pop()}`;
  const image = $("img", viewer);
  image.removeAttribute("src");
  image.alt = `${nameOf(hit.novel)}, ${hit.path}`;
  showPicture(image, hit.url).catch((error) => say(error.message, "bad"));
  viewer.showModal();
}

for (const dialog of [reader, viewer]) {
  $(".close", dialog).addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}

// --- keyboard ---

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  const typing = event.target.matches("input[type=search], select, input[type=password]");
  const cards = [...document.querySelectorAll("#results .card")];
  const at = cards.indexOf(document.activeElement?.closest(".card"));
  const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
  if (event.key === "/" && !typing) { event.preventDefault(); field.focus(); field.select(); }
  else if (event.key === "Escape") { field.focus(); field.select(); }
  else if (step && cards.length && (!typing || event.key === "ArrowDown") && !event.target.matches("select")) {
    event.preventDefault();
    if (at + step < 0) field.focus();
    else cards[Math.min(cards.length - 1, at + step)].focus();
  } else if (at >= 0 && document.activeElement === cards[at]) {
    const button = { Enter: ".read", m: ".more" }[event.key];
    // prevented: else the same Enter would press the button that has the focus in what opens
    if (button) { event.preventDefault(); $(button, cards[at]).click(); }
  }
});

// --- beginning ---

form.addEventListener("submit", (event) => { event.preventDefault(); go(question()); });
for (const name of ["kind", "novel", "mode"]) {
  const inputs = form.elements[name];
  for (const input of inputs instanceof RadioNodeList ? inputs : [inputs]) {
    input.addEventListener("change", () => { if (field.value.trim()) go(question()); });
  }
}
$("#home").addEventListener("click", (event) => { event.preventDefault(); go(new URLSearchParams()); field.focus(); });
$("#picture").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  const body = new FormData();
  body.append("file", file);
  body.append("k", "24");
  await find((signal) => call("/api/embeddings/search", { method: "POST", body, signal }), `Like ${file.name}`);
  event.target.value = "";
});
window.addEventListener("popstate", () => show(new URLSearchParams(location.search)));

for (const text of EXAMPLES) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", () => go(new URLSearchParams({ q: text })));
  const item = document.createElement("li");
  item.append(button);
  $("#examples").append(item);
}

async function shelf() {
  const { novels } = await (await call("/api/novels")).json();
  titles = new Map(novels.map((novel) => [novel.novel, novel.title || nameOf(novel.novel)]));
  const wanted = new URLSearchParams(location.search).get("novel") || "";
  for (const novel of novels) $("#novel").add(new Option(titles.get(novel.novel), novel.novel));
  form.elements.novel.value = wanted;
  if (!novels.length) {
    $("#shelf").textContent = "Nothing is stored yet: drop a novel into the content folder, and it is here in seconds.";
    return;
  }
  const list = document.createElement("ul");
  for (const novel of novels) {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.textContent = titles.get(novel.novel);
    button.addEventListener("click", () => { form.elements.novel.value = novel.novel; field.focus(); });
    const parts = [novel.author, novel.chapters && `${novel.chapters} chapters`, novel.panels && `${novel.panels} panels`];
    item.append(button, document.createElement("br"), parts.filter(Boolean).join(" · "));
    list.append(item);
  }
  const heading = document.createElement("h2");
  heading.textContent = "On the shelf";
  $("#shelf").replaceChildren(heading, list);
}

shelf().catch((error) => say(error.message, "bad")).finally(() => show(new URLSearchParams(location.search)));
