// The style of a page without a framework, which stands in the page itself: no further request, and
// its hash stands in the page's policy.
import { readFileSync } from 'node:fs';

const read = (file: URL): string => readFileSync(file, 'utf8');

/** The colours of all such pages, then the page's own style, without comments and spare room. */
export const styleOf = (own: URL): string =>
  `${read(new URL('./colours.css', import.meta.url))} ${read(own)}`
    .replace(/\/\*.*?\*\//gs, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,]) ?/g, '$1')
    .trim();
