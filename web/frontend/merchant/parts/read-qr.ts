// A QR code read from a picture, in the merchant's own browser: an lndconnect link holds a
// credential, so the picture goes nowhere.
import decodeQR from 'qr/decode.js';

type Pixels = { width: number; height: number; data: Uint8ClampedArray | Uint8Array };

/** A certificate and a credential make a code of hundreds of dots: it is worth a second look. */
const patience = { effort: 8, timeLimit: 2_500 } as const;
/** Photographs are much larger than a code needs, and slower to search. */
const longestSide = 1_600;

/** The text of the code in the picture; undefined: there is none that can be read. */
export function readQr(pixels: Pixels): string | undefined {
  try {
    return decodeQR(pixels, patience);
  } catch {
    return undefined;
  }
}

/** Reads a picture's file. Undefined also for what is no picture. */
export async function readQrOf(file: Blob): Promise<string | undefined> {
  const picture = await createImageBitmap(file).catch(() => undefined);
  if (picture === undefined) return undefined;
  try {
    const scale = Math.min(1, longestSide / Math.max(picture.width, picture.height));
    // As it came first: a small code loses its dots when it is made smaller.
    for (const size of scale < 1 ? [scale, 1] : [1]) {
      const found = readQr(pixelsOf(picture, size));
      if (found !== undefined) return found;
    }
    return undefined;
  } finally {
    picture.close();
  }
}

function pixelsOf(picture: ImageBitmap, scale: number): Pixels {
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) return { width: 1, height: 1, data: new Uint8ClampedArray(4) };
  // What is transparent is paper.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}
