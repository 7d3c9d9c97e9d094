// An address that a wallet is to ask, in the letters of a QR code: bech32 (BIP 173) with the head
// `lnurl` and no limit of length. Source: LUD-01.
const letters = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const head = 'lnurl';
const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

function remainderOf(groups: readonly number[]): number {
  let rest = 1;
  for (const group of groups) {
    const top = rest >>> 25;
    rest = ((rest & 0x1ffffff) << 5) ^ group;
    generators.forEach((generator, bit) => {
      if ((top >>> bit) % 2 === 1) rest ^= generator;
    });
  }
  return rest >>> 0;
}

/** Eight bits at a time become five at a time, with zeros behind the last. */
function inFives(bytes: Uint8Array): number[] {
  const groups: number[] = [];
  let kept = 0;
  let bits = 0;
  for (const byte of bytes) {
    kept = (kept << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      groups.push((kept >>> bits) & 31);
    }
    kept &= (1 << bits) - 1;
  }
  if (bits > 0) groups.push((kept << (5 - bits)) & 31);
  return groups;
}

/** In lower case; a QR code takes it in upper case, which is as good. */
export function lnurlOf(url: string): string {
  const ofHead = Array.from(new TextEncoder().encode(head));
  const spread = [...ofHead.map((byte) => byte >>> 5), 0, ...ofHead.map((byte) => byte & 31)];
  const groups = inFives(new TextEncoder().encode(url));
  const rest = remainderOf([...spread, ...groups, 0, 0, 0, 0, 0, 0]) ^ 1;
  const check = [25, 20, 15, 10, 5, 0].map((shift) => (rest >>> shift) & 31);
  return `${head}1${[...groups, ...check].map((group) => letters.charAt(group)).join('')}`;
}
