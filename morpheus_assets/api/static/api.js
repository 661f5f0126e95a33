// Talking to the HTTP API of the same origin, with the key of this tab where the server wants one.
export const $ = (selector, from = document) => from.querySelector(selector);

export async function call(url, options = {}) {
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

let asking = null;

// several requests may want the key at a time: the person is asked once
function askForKey() {
  asking ??= new Promise((done) => {
    const dialog = $("#key-dialog");
    dialog.showModal();
    dialog.addEventListener("close", () => {
      sessionStorage.setItem("key", $("#key").value.trim());
      asking = null;
      done();
    }, { once: true });
  });
  return asking;
}

export async function showPicture(image, url) {
  // a picture tag sends no key, so with one the bytes are fetched
  if (!sessionStorage.getItem("key")) { image.src = url; return; }
  const blob = await (await call(url)).blob();
  image.src = URL.createObjectURL(blob);
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
}

export async function download(url, name) {
  const blob = await (await call(url)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
