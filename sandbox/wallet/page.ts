/**
 * The frame of the sandbox's own pages: plain HTML and CSS, light and dark, readable on a phone.
 */
const STYLE = `
:root { color-scheme: light dark; --page: #f4f4f1; --card: #fff; --ink: #1d1f23; --soft: #5c6068;
  --line: #dcdcd6; --accent: #8a4b00; --on-accent: #fff; --good: #0b6b3a; --good-page: #e3f4ea;
  --bad: #a3231b; --bad-page: #fbe9e7 }
@media (prefers-color-scheme: dark) { :root { --page: #131417; --card: #1d1f24; --ink: #ececea;
  --soft: #a5a9b1; --line: #363a42; --accent: #f4a340; --on-accent: #201300; --good: #76d9a0;
  --good-page: #12301f; --bad: #ff9d92; --bad-page: #3a1714 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 34rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.4rem; margin: .5rem 0 1rem }
h2 { font-size: 1.1rem; margin: 0 0 .75rem }
p { margin: .5rem 0 }
.soft { color: var(--soft); font-size: .9rem; overflow-wrap: anywhere }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  padding: 1.25rem; margin: 0 0 1rem }
.amount { font-size: 2rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums }
dl { display: grid; grid-template-columns: auto 1fr; gap: .35rem 1rem; margin: 1rem 0 0;
  font-size: .95rem }
dt { color: var(--soft) }
dd { margin: 0; overflow-wrap: anywhere }
textarea, input { width: 100%; font: .9rem/1.4 ui-monospace, monospace; padding: .7rem;
  color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: 10px }
label { display: block; margin: .75rem 0 .3rem; font-weight: 600 }
button { font: inherit; font-weight: 600; width: 100%; min-height: 48px; padding: .6rem 1rem;
  cursor: pointer; border-radius: 10px; border: 1px solid var(--line); background: transparent;
  color: inherit }
button.main { background: var(--accent); color: var(--on-accent); border-color: transparent }
button:hover { border-color: var(--accent) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.stack { display: grid; gap: .6rem; margin: 1rem 0 .5rem }
.actions { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .5rem;
  margin: 1rem 0 }
.actions button { font-size: .9rem; min-height: 44px; height: 100% }
.good, .bad, .wait { border-radius: 10px; padding: .8rem 1rem; margin: 0 0 1rem }
.good { background: var(--good-page); color: var(--good) }
.bad { background: var(--bad-page); color: var(--bad) }
.wait { border: 1px solid var(--line) }
summary { cursor: pointer; padding: .4rem 0 }
a { color: var(--accent) }
`;

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML shows it. Whatever a stranger wrote goes through here. */
export const text = (plain: string): string =>
  plain.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

/** `refreshSeconds` makes the browser look again, for as long as something is on its way. */
export const page = (of: { title: string; body: string; refreshSeconds?: number }): string =>
  '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
  '<meta name="viewport" content="width=device-width,initial-scale=1">' +
  (of.refreshSeconds ? `<meta http-equiv="refresh" content="${of.refreshSeconds}">` : '') +
  `<title>${text(of.title)}</title><style>${STYLE}</style></head>` +
  `<body><main>${of.body}</main></body></html>`;

/** No script, nothing from elsewhere. */
export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'";
