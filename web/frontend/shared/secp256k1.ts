// The curve of bitcoin and Lightning, as far as the check of a receipt needs it: who signed this?
// It only ever reads what anybody may know, so it need not hide how long it takes; it must never
// sign, and never see a secret. Formulas: SEC 1, 4.1.6; constants: SEC 2, 2.4.1.

const p = 2n ** 256n - 2n ** 32n - 977n;
const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const g = {
  x: 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n,
  y: 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n,
};

/** A point by the inverse of its third coordinate; z is 0 for the point at infinity. */
type Point = { x: bigint; y: bigint; z: bigint };
const infinity: Point = { x: 1n, y: 1n, z: 0n };

const mod = (a: bigint, m: bigint): bigint => ((a % m) + m) % m;

function power(base: bigint, exponent: bigint, m: bigint): bigint {
  let result = 1n;
  for (let b = mod(base, m), e = exponent; e > 0n; e >>= 1n, b = (b * b) % m) {
    if (e & 1n) result = (result * b) % m;
  }
  return result;
}
/** Both moduli are primes. */
const inverse = (a: bigint, m: bigint): bigint => power(a, m - 2n, m);

function doubled({ x, y, z }: Point): Point {
  if (z === 0n || y === 0n) return infinity;
  const yy = mod(y * y, p);
  const s = mod(4n * x * yy, p);
  const m = mod(3n * x * x, p);
  const x3 = mod(m * m - 2n * s, p);
  return { x: x3, y: mod(m * (s - x3) - 8n * yy * yy, p), z: mod(2n * y * z, p) };
}

function sum(a: Point, b: Point): Point {
  if (a.z === 0n) return b;
  if (b.z === 0n) return a;
  const [zzA, zzB] = [mod(a.z * a.z, p), mod(b.z * b.z, p)];
  const [u1, u2] = [mod(a.x * zzB, p), mod(b.x * zzA, p)];
  const [s1, s2] = [mod(a.y * zzB * b.z, p), mod(b.y * zzA * a.z, p)];
  if (u1 === u2) return s1 === s2 ? doubled(a) : infinity;
  const [h, r] = [mod(u2 - u1, p), mod(s2 - s1, p)];
  const hh = mod(h * h, p);
  const [hhh, v] = [mod(h * hh, p), mod(u1 * hh, p)];
  const x = mod(r * r - hhh - 2n * v, p);
  return { x, y: mod(r * (v - x) - s1 * hhh, p), z: mod(h * a.z * b.z, p) };
}

function times(k: bigint, { x, y }: { x: bigint; y: bigint }): Point {
  let result = infinity;
  for (let at: Point = { x, y, z: 1n }, e = k; e > 0n; e >>= 1n, at = doubled(at)) {
    if (e & 1n) result = sum(result, at);
  }
  return result;
}

const numberOf = (bytes: Uint8Array): bigint =>
  bytes.reduce((all, byte) => (all << 8n) | BigInt(byte), 0n);

/**
 * The public key, 33 bytes hex, whose owner made this signature over a 32-byte hash. `signature`:
 * r and s, 32 bytes each; `recovery`: 0 to 3. Undefined: nobody can have made it.
 */
export function whoSigned(
  hash: Uint8Array,
  { signature, recovery }: { signature: Uint8Array; recovery: number },
): string | undefined {
  const [r, s] = [numberOf(signature.subarray(0, 32)), numberOf(signature.subarray(32, 64))];
  const isInRange = (value: bigint): boolean => value > 0n && value < n;
  const isWhole = hash.length === 32 && signature.length === 64 && recovery >= 0 && recovery <= 3;
  if (!isWhole || !isInRange(r) || !isInRange(s)) return undefined;
  const x = r + (recovery & 2 ? n : 0n);
  if (x >= p) return undefined;
  const square = mod(x * x * x + 7n, p);
  const root = power(square, (p + 1n) / 4n, p);
  if (mod(root * root, p) !== square) return undefined;
  const y = (root & 1n) === BigInt(recovery & 1) ? root : p - root;
  const byR = inverse(r, n);
  const u1 = mod(-numberOf(hash) * byR, n);
  const key = sum(times(u1, g), times(mod(s * byR, n), { x, y }));
  if (key.z === 0n) return undefined;
  const byZ = inverse(key.z, p);
  const [keyX, keyY] = [mod(key.x * byZ * byZ, p), mod(key.y * byZ * byZ * byZ, p)];
  return (keyY & 1n ? '03' : '02') + keyX.toString(16).padStart(64, '0');
}
