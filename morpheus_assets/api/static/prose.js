// Text of a novel as it is shown: paragraphs, italics, marks, and the line that cites it. Offsets count code points.

export const counted = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

export function nameOf(novel) {
  return novel.split("-").filter(Boolean)
    .map((word, at) => (at && word.length < 4 ? word : word[0].toUpperCase() + word.slice(1))).join(" ");
}

// the file of a page, and its name within an archive
// without the novel's folder: its name stands beside it
export const fileOf = (panel) => [panel.path.replace(/^[^/]+\//, ""), panel.entry].filter(Boolean).join(" · ");

export function chapterName(place) {
  return place.chapter_title || place.title || `Chapter ${place.chapter}`;
}

// lines of the source wrap at seventy letters; paragraphs stay
export function unwrapped(text) {
  return text.replace(/\r/g, "").replace(/(\S)[ \t]*\n(?=[ \t]*\S)/g, "$1 ").replace(/\n{2,}/g, "\n\n");
}

// plain-text books write _italics_ between underscores
export function prose(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(/(?<![\p{L}\p{N}_])_(?=\S)([^_]{1,400}?)(?<=\S)_(?![\p{L}\p{N}_])/gsu)) {
    nodes.push(text.slice(from, found.index));
    const italic = document.createElement("em");
    italic.textContent = found[1];
    nodes.push(italic);
    from = found.index + found[0].length;
  }
  nodes.push(text.slice(from));
  return nodes;
}

function mark(text, title = "") {
  const node = document.createElement("mark");
  node.append(...prose(text));
  if (title) node.title = title;
  return node;
}

// How many letters at the beginning only say the chapter's heading again, which stands above the passage.
function headingLength(letters, title) {
  const plain = (text) => text.normalize("NFKD").toLowerCase();
  const matters = (letter) => /[\p{L}\p{N}]/u.test(letter);
  const wanted = Array.from(plain(title || "")).filter(matters);
  if (!wanted.length) return 0;
  let at = 0;
  for (let letter = 0; letter < letters.length; letter += 1) {
    for (const part of Array.from(plain(letters[letter])).filter(matters)) {
      if (part !== wanted[at]) return 0;
      at += 1;
    }
    if (at >= wanted.length) {
      let end = letter + 1;
      while (end < letters.length && !/[\n]/.test(letters[end]) && !matters(letters[end])) end += 1;
      // a heading ends its line: else the sentence merely begins with the same words
      if (end < letters.length && letters[end] !== "\n") return 0;
      while (end < letters.length && /\s/.test(letters[end])) end += 1;
      return end === letters.length ? 0 : end;
    }
  }
  return 0;
}

// A passage with its nearest sentence marked, else the words of `stems` (see stemsOf).
export function passage(hit, stems = []) {
  const letters = Array.from(hit.passage);
  const heading = headingLength(letters, hit.chapter_title);
  const best = hit.best_sentence;
  if (!best || best.similarity < 0.45) return wordsMarked(unwrapped(letters.slice(heading).join("")), stems);
  const start = best.char_start - hit.char_start, end = best.char_end - hit.char_start;
  let before = letters.slice(Math.min(heading, start), start).join("");
  // a sentence far down brings the excerpt with it, so that it is seen
  if (before.length > 320) before = "… " + before.slice(-220).replace(/^\S*\s+/, "");
  const nearest = mark(unwrapped(letters.slice(start, end).join("")), `The nearest sentence: ${best.similarity.toFixed(2)}`);
  return [...prose(unwrapped(before)), nearest, ...prose(unwrapped(letters.slice(end).join("")))];
}

function wordsMarked(text, stems) {
  if (!stems.length) return prose(text);
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(/[\p{L}\p{N}\p{M}’']+/gu)) {
    const at = placeOf(found[0], stems);
    if (!at) continue;
    nodes.push(...prose(text.slice(from, found.index + at[0])), mark(found[0].slice(at[0], at[1])));
    from = found.index + at[1];
  }
  return [...nodes, ...prose(text.slice(from))];
}

const folded = (word) => word.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const spaceless = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;
const stem = (word) => (word.length > 4 ? word.replace(/(ings?|ed|es|s|ly)$/, "") : word);

const wordsOf = (text) => (text.match(/[\p{L}\p{N}\p{M}]+/gu) || []).map(folded);

// The question's words without their endings; a short one that is everywhere in `texts` says nothing and is left out.
export function stemsOf(question, texts) {
  const all = texts.flatMap(wordsOf);
  const common = (word) => word.length < 5 && all.length > 200 && all.filter((each) => each === word).length > all.length / 100;
  return wordsOf(question || "").filter((word) => spaceless.test(word) || (word.length > 2 && !common(word)))
    .map((word) => (spaceless.test(word) ? word : stem(word)));
}

// where in a word of the text one of the question's words stands: [from, to], or null
function placeOf(word, stems) {
  if (spaceless.test(word)) {
    const found = stems.filter((each) => word.includes(each)).sort((a, b) => b.length - a.length)[0];
    return found ? [word.indexOf(found), word.indexOf(found) + found.length] : null;
  }
  const plain = stem(folded(word));
  return stems.some((each) => plain === each || (plain.startsWith(each) && plain.length - each.length < 3))
    ? [0, word.length] : null;
}

export function citation(hit, book) {
  const best = hit.best_sentence;
  const text = unwrapped(best ? best.text : Array.from(hit.passage).slice(0, 300).join("").trim()).replace(/\s+/g, " ");
  const from = best || hit;
  const place = [book?.author, hit.title || book?.title || nameOf(hit.novel), chapterName(hit),
    `characters ${from.char_start}–${from.char_end}`].filter(Boolean).join(", ");
  return `“${text}” (${place})`;
}
