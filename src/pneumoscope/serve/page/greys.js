// Pictures of the service -> grey values, and through a window onto a canvas.

/** `{ width, height, values }` of a grey PNG; values 0 to 255, row by row. */
export async function decode(blob) {
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const { width, height } = bitmap;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const colours = context.getImageData(0, 0, width, height).data;
  const values = new Uint8Array(width * height);
  for (let i = 0; i < values.length; i += 1) values[i] = colours[4 * i];
  return { width, height, values };
}

/** Draws a bitmap as it is. */
export async function drawOnto(canvas, blob) {
  const bitmap = await createImageBitmap(blob);
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

/** What each grey is shown as: linear within the window (DICOM PS3.3 C.11.2.1.2, LINEAR_EXACT). */
export function lookup({ width, level, inverted }) {
  const table = new Uint32Array(256);
  for (let grey = 0; grey < 256; grey += 1) {
    const share = Math.min(Math.max((grey - level) / width + 0.5, 0), 1);
    const shown = Math.round(255 * (inverted ? 1 - share : share));
    // Red, green and blue alike whatever the byte order; alpha is the last byte in memory.
    table[grey] = (shown * 0x010101 + 0xff000000) >>> 0;
  }
  return table;
}

/** Paints `picture` onto `canvas` through `window`. */
export function paint(canvas, picture, window) {
  const context = canvas.getContext("2d");
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  const image = context.createImageData(picture.width, picture.height);
  const shown = new Uint32Array(image.data.buffer);
  const table = lookup(window);
  const { values } = picture;
  for (let i = 0; i < values.length; i += 1) shown[i] = table[values[i]];
  context.putImageData(image, 0, 0);
}

/** The window from the darkest to the brightest hundredth of `picture`. */
export function autoWindow(picture) {
  const counts = new Uint32Array(256);
  for (const grey of picture.values) counts[grey] += 1;
  const [low, high] = [0.01, 0.99].map((share) => {
    let left = share * picture.values.length;
    return counts.findIndex((count) => (left -= count) <= 0);
  });
  const width = Math.max(high - low, 1);
  return { width, level: Math.round(low + width / 2) };
}
