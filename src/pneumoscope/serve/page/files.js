// Files that are dropped or chosen, folders with all that lies in them.

const MOST = 5000; // a folder dropped by mistake must not fill the list for ever

/** Calls `taken(files)` for what `input` chooses or is dropped anywhere; `over(inside)` meanwhile. */
export function takeFiles(input, taken, over) {
  input.addEventListener("change", () => {
    taken([...input.files]);
    input.value = ""; // the same file can then be chosen again
  });
  const agree = (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    over(true);
  };
  // Both: a drop just after the film below the pointer has changed would be lost otherwise.
  window.addEventListener("dragenter", agree);
  window.addEventListener("dragover", agree);
  window.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) over(false);
  });
  window.addEventListener("drop", async (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    over(false);
    taken(await dropped(event.dataTransfer));
  });
}

async function dropped(transfer) {
  // Entries must be asked for before the first wait: the browser empties the list then.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  const files = [];
  for (const entry of entries) if (entry) await collect(entry, files);
  return files;
}

async function collect(entry, files) {
  if (files.length >= MOST || /^(\.|Thumbs\.db$)/.test(entry.name)) return;
  if (entry.isFile) {
    files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    some.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    for (const inner of some) await collect(inner, files);
  }
}

/** Has the browser save `blob` as `name`. */
export function saveAs(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000); // the browser has taken it by then
}
