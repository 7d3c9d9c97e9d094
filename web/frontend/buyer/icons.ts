// Small drawings, in the colour of the text around them. None says anything that words do not say.
import { asHtml } from './html.ts';

const draw = (inside: string) =>
  asHtml(
    '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor"' +
      ` stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${inside}</svg>`,
  );

export const icons = {
  good: draw('<path d="m5 12.5 4.5 4.5L19 7.5"/>'),
  warn: draw('<path d="M12 6.5v7M12 17.5v.01"/>'),
  plain: draw('<path d="M12 11v6.5M12 6.5v.01"/>'),
  clock: draw('<circle cx="12" cy="12" r="8.5"/><path d="M12 7.5V12l3 2"/>'),
  lock: draw(
    '<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8.5 11V8a3.5 3.5 0 0 1 7 0v3"/>',
  ),
  bolt: draw('<path d="M13 3 5.5 13.5H12L11 21l7.5-10.5H12z"/>'),
} as const;

/** The mark in the tab: a bolt on a dark square. */
export const tabIcon =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">' +
      '<rect width="24" height="24" rx="6" fill="#17324d"/>' +
      '<path fill="#ffc24b" d="M13.5 4 6.5 13.5h5l-1 6.5 7-9.5h-5z"/></svg>',
  );
