// What several pages of the buyer show alike.
import { html, type Html } from './html.ts';
import { icons } from './icons.ts';
import type { Speech } from './words.ts';

/** How large an amount is written, so that it stays on one line. */
export const sizeOf = (amount: string): string =>
  amount.length > 15 ? 'longer' : amount.length > 9 ? 'long' : 'short';

/** Whose page it is, and below what it is about. */
export function shopHeader(
  { shopName, about }: { shopName: string; about: string },
  { locale }: Speech,
): Html {
  const [first] = new Intl.Segmenter(locale).segment(shopName.trim());
  const initial = first?.segment.toLocaleUpperCase(locale) ?? '';
  return html`
    <header>
      <span class="logo" aria-hidden="true">${initial}</span>
      <div>
        <h1 id="shop">${shopName}</h1>
        <p class="soft small">${about}</p>
      </div>
    </header>
  `;
}

/** How it is done, step by step, and why it can be trusted. */
export function howBox(box: { title: string; steps: readonly string[]; trust: string }): Html {
  return html`
    <section class="how" aria-labelledby="how">
      <h2 id="how" class="small">${box.title}</h2>
      <ol class="small soft">
        ${box.steps.map((step) => html`<li>${step}</li>`)}
      </ol>
      <p class="trust small">${icons.lock}<span>${box.trust}</span></p>
    </section>
  `;
}

/** One for each locale, made once: making one costs fifty times what it does. */
export function timesBy(options: Intl.DateTimeFormatOptions) {
  const kept = new Map<string, Intl.DateTimeFormat>();
  return (locale: string): Intl.DateTimeFormat => {
    const had = kept.get(locale);
    if (had !== undefined) return had;
    const made = new Intl.DateTimeFormat(locale, options);
    // Locales are what strangers ask for.
    if (kept.size >= 200) kept.clear();
    kept.set(locale, made);
    return made;
  };
}

const dayIn = timesBy({ dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });

/**
 * A day with its time. The server knows nobody's time zone, so it says whose time this is; the
 * script says it again in the buyer's, unless it is `printed`, which is the same for everybody.
 */
export function moment(
  at: string,
  { locale }: Speech,
  kind: 'on screen' | 'printed' = 'on screen',
): Html {
  const text = `${dayIn(locale).format(new Date(at))} UTC`;
  return kind === 'printed'
    ? html`<time datetime="${at}">${text}</time>`
    : html`<time datetime="${at}" data-day>${text}</time>`;
}

/** Where words leave a place for HTML. A letter that no text contains. */
const gap = '\u0001';

/** A sentence with HTML in it, such as a moment. `say` is given what stands for it. */
export function around(part: Html | false, say: (gap: string) => string): Html {
  const [before, after = ''] = say(gap).split(gap);
  return html`${before}${part}${after}`;
}

/** Exchanges, as they write themselves: with a capital letter. */
export const exchanges = (names: readonly string[], { locale }: Speech): string =>
  new Intl.ListFormat(locale).format(
    names.map((name) => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`),
  );
