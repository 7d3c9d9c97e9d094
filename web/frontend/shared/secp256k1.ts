// The curve of bitcoin and Lightning, as far as the check of a receipt needs it: who signed this?
// It only ever reads what anybody may know; it must never sign, and never see a secret.
import { secp256k1 } from '@noble/curves/secp256k1.js';

/**
 * The public key, 33 bytes hex, whose owner made this signature over a 32-byte hash. `signature`:
 * r and s, 32 bytes each; `recovery`: 0 to 3. Undefined: nobody can have made it. Source: SEC 1,
 * 4.1.6.
 */
export function whoSigned(
  hash: Uint8Array,
  { signature, recovery }: { signature: Uint8Array; recovery: number },
): string | undefined {
  if (hash.length !== 32 || signature.length !== 64 || recovery > 3) return undefined;
  try {
    const recovered = Uint8Array.of(recovery, ...signature);
    const key = secp256k1.recoverPublicKey(recovered, hash, { prehash: false });
    return Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join('');
  } catch {
    // It says no by throwing.
    return undefined;
  }
}
