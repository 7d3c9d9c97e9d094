/** HTML by template: whatever is put in is escaped, unless it is HTML already. */

export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

type Part = Html | string | number | bigint | null | undefined | false | Part[];

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function put(part: Part): string {
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map(put).join('');
  if (part === null || part === undefined || part === false) return '';
  return String(part).replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign);
}

export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(strings.reduce((all, text, i) => all + put(parts[i - 1]) + text));
}

/** Written by us, in a file of this folder: not escaped. */
export const raw = (text: string): Html => new Html(text);

/** One text of a query or form; anything else counts as nothing. */
export const asked = (value: unknown): string => (typeof value === 'string' ? value : '');

/** JSON for a script element: no `<` may end it early. */
export const json = (value: unknown): Html =>
  new Html(JSON.stringify(value).replaceAll('<', '\\u003c'));
