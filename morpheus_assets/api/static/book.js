// The page of one novel: its chapters as a strip, how far each space has it, and its panels.
import { $, call, showPicture } from "/page/api.js";
import { chapterName, counted, nameOf } from "/page/prose.js";
import { openReader, openViewer } from "/page/reader.js";

const view = $("#book");
const PANELS_AT_A_TIME = 60;
let languages = null;

export async function showBook(novel) {
  const book = await (await call(`/api/novels/${encodeURIComponent(novel)}`)).json();
  const title = book.title || nameOf(book.novel);
  $("h1", view).textContent = title;
  $(".about", view).textContent = [book.author, languageOf(book.language), ...amounts(book)].filter(Boolean).join(" · ");
  const refused = $(".refused", view);
  refused.hidden = !book.refused;
  refused.textContent = book.refused ? `Its latest file was refused: ${book.refused}` : "";
  drawSpaces(book.spaces);
  drawChapters(book, title);
  await drawPanels(book, title);
  return title;
}

function amounts(book) {
  const chapters = book.chapters.filter((each) => each.kind === "chapter" || each.kind === "section");
  const sections = chapters.length && chapters.every((each) => each.kind === "section");
  return [
    chapters.length && (sections ? counted(chapters.length, "section", "sections") : counted(chapters.length, "chapter", "chapters")),
    book.passages && counted(book.passages, "passage", "passages"),
    book.panels && counted(book.panels, "panel", "panels"),
    book.refused_panels && `${counted(book.refused_panels, "picture", "pictures")} refused`,
  ];
}

function languageOf(code) {
  if (!code || code === "und") return "";
  languages ??= new Intl.DisplayNames(["en"], { type: "language" });
  try { return languages.of(code); } catch { return code; }
}

function drawSpaces(spaces) {
  $(".spaces", view).replaceChildren(...spaces.map((space) => {
    const item = document.createElement("li"), bar = document.createElement("progress");
    const wanted = space.needed - space.refused;
    bar.max = Math.max(1, wanted);
    bar.value = space.present;
    bar.setAttribute("aria-label", `Embedded in ${space.space}`);
    const kind = space.purpose === "text" ? "passages" : "panels";
    item.append(bar, ` ${space.present.toLocaleString("en")} of ${wanted.toLocaleString("en")} ${kind} in ${space.space}`,
      space.state === "active" ? ", which answers searches" : ` (${space.state})`);
    return item;
  }));
}

function drawChapters(book, title) {
  const strip = $(".strip", view), list = $(".contents", view);
  $("#chapters", view).hidden = !book.chapters.length;
  const open = (chapter) => openReader({ ...chapter, novel: book.novel, chapter_title: chapter.title, title,
    char_end: chapter.char_start + 1, block: "start" });
  const long = Math.max(...book.chapters.map((each) => each.char_end - each.char_start), 1);
  strip.replaceChildren(...book.chapters.map((chapter) => {
    const bar = document.createElement("span");
    const length = chapter.char_end - chapter.char_start;
    bar.className = chapter.kind;
    bar.style.setProperty("--tall", Math.max(0.04, length / long));
    bar.title = `${chapterName(chapter)}: ${counted(length, "character", "characters")}`;
    bar.addEventListener("click", () => open(chapter));
    return bar;
  }));
  list.replaceChildren(...book.chapters.map((chapter) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.textContent = chapterName(chapter);
    button.addEventListener("click", () => open(chapter));
    item.append(button);
    return item;
  }));
}

async function drawPanels(book, title) {
  const section = $("#book-panels", view), list = $("ol", section), more = $(".more-panels", section);
  section.hidden = !book.panels;
  list.replaceChildren();
  if (!book.panels) return;
  const known = [];
  const next = async () => {
    const url = `/api/novels/${encodeURIComponent(book.novel)}/panels?start=${known.length + 1}&count=${PANELS_AT_A_TIME}`;
    const found = await (await call(url)).json();
    const panels = found.panels.map((panel) => ({ ...panel, novel: book.novel, title }));
    known.push(...panels);
    list.append(...panels.map((panel) => thumbnail(panel, known)));
    more.hidden = known.length >= found.total;
  };
  more.onclick = () => next();
  await next();
}

function thumbnail(panel, known) {
  const item = document.createElement("li"), button = document.createElement("button"), image = document.createElement("img");
  const caption = document.createElement("span");
  button.type = "button";
  button.className = "picture";
  image.loading = "lazy";
  image.alt = `Panel ${panel.number}: ${panel.path}`;
  caption.textContent = panel.path;
  showPicture(image, panel.thumbnail_url).catch(() => item.classList.add("missing"));
  button.append(image);
  button.addEventListener("click", () => openViewer(panel, known));
  item.className = "card panel";
  item.append(button, caption);
  return item;
}
