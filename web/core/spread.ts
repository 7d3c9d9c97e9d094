// Who of several processes has what: rendezvous hashing. All who know the same names agree without
// asking each other, and when one comes or goes only its own share moves.

/** 32 bits of a text: FNV-1a, with a last mixing, since names differ in few letters. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The one whose hash with the thing is highest; undefined among none. */
export function ownerOf(thing: string, among: readonly string[]): string | undefined {
  let best: { name: string; hash: number } | undefined;
  for (const name of among) {
    const hash = hash32(`${name}/${thing}`);
    const wins = best === undefined || hash > best.hash || (hash === best.hash && name > best.name);
    if (wins) best = { name, hash };
  }
  return best?.name;
}
