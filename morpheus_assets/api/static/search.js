// The search page. Everything shown comes from the HTTP API of the same origin; the address bar holds the question.
import { $, call, showPicture } from "/page/api.js";
import { showBook } from "/page/book.js";
import { chapterName, citation, counted, fileOf, nameOf, passage, stemsOf } from "/page/prose.js";
import { openReader, openViewer } from "/page/reader.js";

const EXAMPLES = ["who keeps the lamp burning at night", "two strangers quarrel at a ball",
  "a storm at sea", "a sleeping orange cat in the desert", "alone in a dark house"];
const form = $("#ask"), field = $("#q"), status = $("#status"), results = $("#results"), welcome = $("#welcome");
const book = $("#book"), further = $("#further");
const AT_FIRST = 12, AT_MOST = 96;
// by their keys, as the API lists them
let novels = new Map();
let running = null;

// --- the question and the address bar ---

function question() {
  const data = new FormData(form);
  const parameters = new URLSearchParams();
  for (const name of ["q", "kind", "novel", "chapter", "mode"]) {
    const value = (data.get(name) || "").toString().trim();
    const usual = { kind: "both", mode: "hybrid" }[name];
    if (value && value !== usual) parameters.set(name, value);
  }
  if (!parameters.has("novel")) parameters.delete("chapter");
  return parameters;
}

async function fill(parameters) {
  field.value = parameters.get("q") || "";
  form.elements.kind.value = parameters.get("kind") || "both";
  form.elements.mode.value = parameters.get("mode") || "hybrid";
  form.elements.novel.value = parameters.get("novel") || "";
  await offerChapters(parameters.get("novel"));
  form.elements.chapter.value = parameters.get("chapter") || "";
}

let offered = "";

async function offerChapters(novel) {
  novel ||= "";
  if (novel === offered) return;
  offered = novel;
  const select = $("#chapter");
  select.length = 1;
  $("#chapter-pick").hidden = true;
  if (!novel) return;
  const found = await (await call(`/api/novels/${encodeURIComponent(novel)}`)).json().catch(() => null);
  if (!found || offered !== novel) return;
  for (const each of found.chapters) select.add(new Option(chapterName(each), each.chapter));
  $("#chapter-pick").hidden = !found.chapters.length;
}

function go(parameters) {
  const search = parameters.toString();
  if (search !== location.search.slice(1)) history.pushState(null, "", search ? `/?${search}` : "/");
  return show(parameters);
}

function only(view) {
  for (const each of [results, welcome, book]) each.hidden = each !== view;
}

async function show(parameters) {
  try {
    await fill(parameters);
    if (parameters.get("q") || parameters.get("like")) {
      document.title = `${parameters.get("q") || "More like this"} · Morpheus`;
      await find(parameters, parameters.get("like") ? "More like this" : "");
      return;
    }
    running?.abort();
    say("");
    if (parameters.get("book")) {
      document.title = `${await showBook(parameters.get("book"))} · Morpheus`;
      only(book);
      window.scrollTo({ top: 0 });
    } else {
      document.title = "Morpheus";
      only(welcome);
    }
  } catch (error) {
    only(null);
    say(error.message, "bad");
  }
}

// First what the question itself finds, at once; then again with the nearest sentences, which takes another request.
function find(parameters, heading) {
  const asked = new URLSearchParams(parameters);
  const count = Number(asked.get("k") || AT_FIRST);
  asked.set("k", count);
  const url = (sentences) => `/api/embeddings/search?${asked}&sentences=${sentences}`;
  const looks = asked.has("q") && asked.get("mode") !== "text" && asked.get("kind") !== "panels" ? [false, true] : [false];
  further.hidden = true;
  return answer(looks.map((sentences) => (signal) => call(url(sentences), { signal })), heading, (found) => {
    const most = Math.max(found.passages.length, found.panels.length);
    further.hidden = most < count || count >= AT_MOST;
    $("button", further).onclick = () => {
      parameters.set("k", Math.min(AT_MOST, 2 * count));
      go(parameters);
    };
  });
}

async function answer(questions, heading, done = () => {}) {
  running?.abort();
  running = new AbortController();
  const mine = running;
  say("Searching …", "busy");
  const started = performance.now();
  try {
    let seconds = null;
    for (const ask of questions) {
      const found = await (await ask(mine.signal)).json();
      await noDialog();
      if (mine !== running) return;
      seconds ??= ((performance.now() - started) / 1000).toFixed(2);
      draw(found);
      const amount = [found.passages.length && counted(found.passages.length, "passage", "passages"),
        found.panels.length && counted(found.panels.length, "panel", "panels")].filter(Boolean).join(" and ");
      say([heading, `${amount || "Nothing found"} in ${seconds} s.`, ...found.notes].filter(Boolean).join(" · "));
      done(found);
    }
  } catch (error) {
    if (error.name === "AbortError" || mine !== running) return;
    only(null);
    say(error.message, "bad");
  }
}

// What is read on is not redrawn underneath: the focus would come back to a card that is gone.
function noDialog() {
  const open = $("dialog[open]");
  return open && new Promise((done) => open.addEventListener("close", done, { once: true }));
}

function say(text, kind = "") {
  status.textContent = text;
  status.className = kind;
}

// --- results ---

function draw(found) {
  only(results);
  const held = document.activeElement?.closest("#results .card")?.dataset.id;
  const byWords = new URLSearchParams(location.search).get("mode") === "text";
  const stems = byWords ? stemsOf(found.query, found.passages.map((hit) => hit.passage)) : [];
  const lists = { panels: found.panels.map(panelCard), passages: found.passages.map((hit) => passageCard(hit, stems)) };
  for (const [name, cards] of Object.entries(lists)) {
    const section = $(`#${name}`);
    section.hidden = cards.length === 0;
    $("ol", section).replaceChildren(...cards);
  }
  results.classList.toggle("only", lists.panels.length === 0 || lists.passages.length === 0);
  if (held) [...document.querySelectorAll("#results .card")].find((card) => card.dataset.id === held)?.focus();
}

function card(template, hit) {
  const item = $(template).content.firstElementChild.cloneNode(true);
  item.dataset.id = hit.id;
  hit.title ??= novels.get(hit.novel)?.title;
  $(".novel", item).textContent = hit.title || nameOf(hit.novel);
  // the bar is what the results are sorted by; panels have only their similarity
  const near = hit.relevance ?? hit.similarity;
  $("meter", item).value = Math.max(0, near);
  $("meter", item).setAttribute("aria-label", "relevance");
  $(".number", item).textContent = near.toFixed(2);
  if (hit.similarity !== null) $(".near", item).title = `Cosine similarity ${hit.similarity.toFixed(4)}`;
  $(".more", item).addEventListener("click", () => moreLike(hit, item));
  return item;
}

function passageCard(hit, stems) {
  const item = card("#passage-card", hit);
  follow($(".novel", item), new URLSearchParams({ book: hit.novel }));
  $(".chapter", item).textContent = chapterName({ chapter: hit.chapter, chapter_title: hit.chapter_title });
  $("blockquote", item).append(...passage(hit, stems));
  $(".read", item).addEventListener("click", () => openReader(hit));
  $(".cite", item).addEventListener("click", () => copy(citation(hit, novels.get(hit.novel))));
  return item;
}

async function copy(text) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else {
    // a page that came over plain HTTP has no clipboard of its own
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say("Copied as a citation.");
}

function follow(link, parameters) {
  link.href = `/?${parameters}`;
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(parameters);
  });
}

function panelCard(hit) {
  const item = card("#panel-card", hit);
  $(".file", item).textContent = fileOf(hit);
  $("img", item).alt = `${nameOf(hit.novel)}, ${fileOf(hit)}`;
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
    const button = { Enter: ".read", m: ".more", c: ".cite" }[event.key];
    // prevented: else the same Enter would press the button that has the focus in what opens
    if (button) { event.preventDefault(); $(button, cards[at])?.click(); }
  }
});

// --- beginning ---

form.addEventListener("submit", (event) => { event.preventDefault(); go(question()); });
for (const name of ["kind", "novel", "chapter", "mode"]) {
  const inputs = form.elements[name];
  for (const input of inputs instanceof RadioNodeList ? inputs : [inputs]) {
    input.addEventListener("change", () => {
      if (name === "novel") form.elements.chapter.value = "";
      if (field.value.trim()) go(question());
      else if (name === "novel") offerChapters(form.elements.novel.value);
    });
  }
}
$("#home").addEventListener("click", (event) => { event.preventDefault(); go(new URLSearchParams()); field.focus(); });
$("#picture").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  const body = new FormData();
  body.append("file", file);
  body.append("k", "24");
  further.hidden = true;
  await answer([(signal) => call("/api/embeddings/search", { method: "POST", body, signal })], `Like ${file.name}`);
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
  const found = (await (await call("/api/novels")).json()).novels;
  novels = new Map(found.map((novel) => [novel.novel, novel]));
  const wanted = new URLSearchParams(location.search).get("novel") || "";
  for (const novel of found) $("#novel").add(new Option(novel.title || nameOf(novel.novel), novel.novel));
  form.elements.novel.value = wanted;
  const stored = found.filter((novel) => novel.passages || novel.panels);
  const refused = found.filter((novel) => !novel.passages && !novel.panels);
  if (!found.length) {
    $("#shelf").textContent = "Nothing is stored yet: drop a novel into the content folder, and it is here in seconds.";
    return;
  }
  $("#shelf").replaceChildren(...titled("On the shelf", stored), ...titled("Not read, or refused", refused));
}

function titled(heading, books) {
  if (!books.length) return [];
  const title = document.createElement("h2"), list = document.createElement("ul");
  title.textContent = heading;
  for (const novel of books) {
    const item = document.createElement("li"), link = document.createElement("a");
    link.textContent = novel.title || nameOf(novel.novel);
    follow(link, new URLSearchParams({ book: novel.novel }));
    const parts = [novel.author, novel.chapters && counted(novel.chapters, "chapter", "chapters"),
      novel.panels && counted(novel.panels, "panel", "panels")];
    item.append(link, document.createElement("br"), parts.filter(Boolean).join(" · "));
    list.append(item);
  }
  return [title, list];
}

$(".ask-book", book).addEventListener("click", async () => {
  const novel = new URLSearchParams(location.search).get("book") || "";
  form.elements.novel.value = novel;
  await offerChapters(novel);
  field.focus();
});

shelf().catch((error) => say(error.message, "bad")).finally(() => show(new URLSearchParams(location.search)));
