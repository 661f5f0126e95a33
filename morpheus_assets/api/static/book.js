// The page of one novel: its chapters as a strip, how far each space has it, and its panels.
import { $, call, showPicture } from "/page/api.js";
import { chapterName, counted, fileOf, nameOf, prose, unwrapped } from "/page/prose.js";
import { openReader, openViewer } from "/page/reader.js";

const view = $("#book");
const PANELS_AT_A_TIME = 60, CAST_SHOWN = 24, LOOKS_SHOWN = 6;
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
  await Promise.all([drawPanels(book, title), drawCast(book, title), drawAlike(book), drawScenes(book, title)]);
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

async function drawCast(book, title) {
  const url = `/api/novels/${encodeURIComponent(book.novel)}/characters?kind=person`;
  const { characters, notes } = await (await call(url)).json();
  const said = book.chapters.length ? notes : [];
  $("#cast", view).hidden = !characters.length && !said.length;
  $(".cast-note", view).textContent = said.join(" ");
  $(".cast-note", view).hidden = !said.length;
  $(".cast", view).replaceChildren(...characters.slice(0, CAST_SHOWN).map((one) => {
    const item = document.createElement("li"), name = document.createElement("strong");
    name.textContent = one.name;
    item.append(name, ` · named ${counted(one.mentions, "time", "times")} in ${counted(one.chapters.length, "chapter", "chapters")}`);
    for (const look of one.looks.slice(0, LOOKS_SHOWN)) item.append(lookButton(look, book, title));
    if (one.pictures.length) item.append(pictureButton(one, book, title));
    return item;
  }));
}

// what the text says of a look, which opens where it says so; a contradiction is said
function lookButton(look, book, title) {
  const button = document.createElement("button");
  const chapter = book.chapters.find((each) => each.chapter === look.chapter);
  button.type = "button";
  button.className = look.contradicts ? "contradiction" : "";
  button.textContent = `${look.part}: ${look.attribute} (chapter ${look.chapter})${look.contradicts ? " — said otherwise elsewhere" : ""}`;
  button.addEventListener("click", () => openReader({ ...look, novel: book.novel, title, chapter_title: chapter?.title }));
  return button;
}

// panels like the character's reference pictures, the least like them first
function pictureButton(one, book, title) {
  const button = document.createElement("button");
  const panels = one.pictures.map((each) => ({ ...each, novel: book.novel, title }));
  button.type = "button";
  button.textContent = `${counted(panels.length, "panel", "panels")} like ${counted(one.panels.length, "reference picture", "reference pictures")}, the least like first`;
  button.addEventListener("click", () => openViewer(panels[0], panels));
  return button;
}

// chapters from top to bottom, panels from left to right: the stronger, the better a chapter fits; each panel's is framed
async function drawScenes(book, title) {
  const url = `/api/novels/${encodeURIComponent(book.novel)}/panels-of-scene?scores=true`;
  const found = await (await call(url)).json();
  const section = $("#scenes", view), canvas = $("canvas", section), { panels, chapters } = found;
  section.hidden = !panels.length;
  if (!panels.length) return;
  const lacking = found.chapters_without_a_panel;
  $(".about-scenes", section).textContent = [
    `Panels from left to right, ${counted(chapters.length, "chapter", "chapters")} from top to bottom. The stronger a field, the better the chapter fits; the frame is the scene of the panel.`,
    found.in_reading_order ? "" : "The panels do not follow the chapters, so each was placed by itself.",
    lacking.length ? `Without a panel: ${counted(lacking.length, "chapter", "chapters")} (${shortList(lacking)}).` : "Every chapter has a panel.",
  ].filter(Boolean).join(" ");
  canvas.setAttribute("aria-label", `Scenes of ${counted(panels.length, "panel", "panels")}`);
  const wide = Math.max(3, Math.min(24, Math.floor(1000 / panels.length)));
  const tall = Math.max(3, Math.min(24, Math.floor(480 / chapters.length)));
  canvas.width = wide * panels.length;
  canvas.height = tall * chapters.length;
  // what a colour of the page is now, light or dark, is known of an element that has it
  const paint = canvas.getContext("2d"), ink = getComputedStyle(section).color, lamp = getComputedStyle(canvas).color;
  panels.forEach((panel, at) => {
    const least = Math.min(...panel.scores), most = Math.max(...panel.scores);
    panel.scores.forEach((score, row) => {
      paint.globalAlpha = 0.04 + 0.96 * ((score - least) / (most - least || 1)) ** 2;
      paint.fillStyle = ink;
      paint.fillRect(at * wide, row * tall, wide - 1, tall - 1);
    });
    paint.globalAlpha = 1;
    paint.strokeStyle = lamp;
    paint.lineWidth = wide > 8 ? 3 : 1;
    paint.strokeRect(at * wide + 1, chapters.indexOf(panel.chapter) * tall + 1, wide - 3, tall - 3);
  });
  const shown = panels.map((panel) => ({ ...panel, novel: book.novel, title }));
  canvas.onclick = (event) => {
    const panel = shown[Math.floor(event.offsetX / canvas.clientWidth * shown.length)];
    if (panel) openViewer(panel);
  };
}

const shortList = (numbers) => numbers.length > 12 ? `${numbers.slice(0, 12).join(", ")} …` : numbers.join(", ");

async function drawAlike(book) {
  const { similar } = await (await call(`/api/novels/${encodeURIComponent(book.novel)}/similar`)).json();
  $("#alike", view).hidden = !similar.length;
  $(".alike", view).replaceChildren(...similar.map((other) => {
    const item = document.createElement("li"), link = document.createElement("a");
    link.href = `/?${new URLSearchParams({ book: other.novel })}`;
    link.textContent = other.title || nameOf(other.novel);
    item.append(link);
    const [why] = other.reasons;
    if (why) {
      const reason = document.createElement("p");
      reason.append("“", ...prose(shortened(why.text)), "” — “", ...prose(shortened(why.other_text)), "”");
      item.append(reason);
    }
    return item;
  }));
}

const shortened = (text) => {
  const plain = unwrapped(text).replace(/\s+/g, " ").trim();
  return plain.length > 160 ? `${plain.slice(0, 160).replace(/\s+\S*$/, "")} …` : plain;
};

async function drawPanels(book, title) {
  const section = $("#book-panels", view), list = $("ol", section), more = $(".more-panels", section);
  section.hidden = !book.panels;
  list.replaceChildren();
  drawComicBooks(book.comic_books, $(".comic-books", section));
  if (!book.panels) return;
  const known = [];
  const next = async () => {
    const url = `/api/novels/${encodeURIComponent(book.novel)}/panels?start=${known.length + 1}&count=${PANELS_AT_A_TIME}`;
    const found = await (await call(url)).json();
    const panels = found.panels.map((panel) => ({ ...panel, novel: book.novel, title }));
    known.push(...panels);
    list.append(...panels.map((panel) => thumbnail(panel, known, found.total)));
    more.hidden = known.length >= found.total;
  };
  more.onclick = () => next();
  await next();
}

// what the archives say of themselves: series and number, title, writer
function drawComicBooks(books, list) {
  list.hidden = !books.length;
  list.replaceChildren(...books.map((book) => {
    const item = document.createElement("li");
    const volume = book.volume && `volume ${book.volume}`, number = book.number && `no. ${book.number}`;
    item.textContent = [[book.series, volume, number].filter(Boolean).join(" "), book.title, book.writer,
      book.path.split("/").slice(1).join("/")].filter(Boolean).join(" · ");
    return item;
  }));
}

function thumbnail(panel, known, total) {
  const item = document.createElement("li"), button = document.createElement("button"), image = document.createElement("img");
  const caption = document.createElement("span");
  button.type = "button";
  button.className = "picture";
  image.loading = "lazy";
  image.alt = `Panel ${panel.number}: ${fileOf(panel)}`;
  caption.textContent = fileOf(panel);
  showPicture(image, panel.thumbnail_url).catch(() => item.classList.add("missing"));
  button.append(image);
  button.addEventListener("click", () => openViewer(panel, known, total));
  item.className = "card panel";
  item.append(button, caption);
  return item;
}
