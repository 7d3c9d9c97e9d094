// HTML by tagged template: whatever is put into it is escaped, unless it is HTML already. A shop's
// name or an order's name is text that somebody else has chosen, and stays text.

export class Html {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

type Part = Html | string | number | null | undefined | false | readonly Part[];

export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const source = texts.map((text, index) => text + print(parts[index])).join('');
  return new Html(source.replace(/>\s*\n\s*</g, '><').replace(/\s*\n\s*/g, ' '));
}

/** For what is known to be HTML: our own drawings, and JSON that was made safe for a script. */
export const asHtml = (source: string): Html => new Html(source);

function print(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Html) return part.source;
  if (typeof part === 'object') return part.map(print).join('');
  return String(part)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
