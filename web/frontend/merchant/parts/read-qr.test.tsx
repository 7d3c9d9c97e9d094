// A code as large as a real link, drawn dot by dot and read again.
import encodeQR from 'qr';
import { expect, test } from 'vitest';
import { readQr } from './read-qr.ts';

function draw(text: string, scale: number) {
  const rows = encodeQR(text, 'raw', { border: 4 });
  const width = rows.length * scale;
  const data = new Uint8ClampedArray(width * width * 4).fill(255);
  for (let y = 0; y < width; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const dark = rows[Math.floor(y / scale)]?.[Math.floor(x / scale)] === true;
      if (dark) data.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return { width, height: width, data };
}

const link = (length: number): string =>
  `lndconnect://node.example.com:10009?macaroon=${'AgEDbG5k'.repeat(length)}`;

test.each([10, 60, 150])('a link with a credential of %i parts is read', (length) => {
  expect(readQr(draw(link(length), 4))).toBe(link(length));
});

test('what holds no code is nothing, and no fault', () => {
  const data = new Uint8ClampedArray(64 * 64 * 4).fill(255);
  expect(readQr({ width: 64, height: 64, data })).toBeUndefined();
});
