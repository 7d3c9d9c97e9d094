/**
 * Reads the little TOML that Shopify's configuration files use: tables, lists of tables, texts,
 * numbers, truths, lists of texts. What it does not understand it refuses, with the line.
 */

/**
 * `https://{shop}/{prefix}/{subpath}/..` leads to `{url}/..`; `url` is a path of the app or whole.
 */
export type AppProxy = { url: string; prefix: string; subpath: string };

type Value = string | number | boolean | Value[] | Table;
export type Table = { [key: string]: Value };

function scalar(text: string, line: number): Value {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(text) ?? /^'([^']*)'$/.exec(text);
  if (quoted !== null) return (quoted[1] ?? '').replace(/\\(["\\])/g, '$1');
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (text.startsWith('[') && text.endsWith(']')) {
    const inside = text.slice(1, -1).match(/"(?:[^"\\]|\\.)*"|'[^']*'|[^,\s]+/g) ?? [];
    return inside.map((part) => scalar(part, line));
  }
  throw new Error(`TOML line ${line}: not understood: ${text}`);
}

const withoutComment = (line: string): string => {
  const match = /^((?:[^"'#]|"(?:[^"\\]|\\.)*"|'[^']*')*)#/.exec(line);
  return (match?.[1] ?? line).trim();
};

function place(root: Table, path: string[], isList: boolean): Table {
  let table = root;
  for (const [index, key] of path.entries()) {
    const last = index === path.length - 1;
    if (last && isList) {
      const list = (table[key] ??= []) as Value[];
      const made: Table = {};
      list.push(made);
      return made;
    }
    const next = (table[key] ??= {});
    table = (Array.isArray(next) ? next.at(-1) : next) as Table;
  }
  return table;
}

export function readToml(text: string): Table {
  const root: Table = {};
  let table = root;
  let open = '';
  for (const [index, full] of text.split(/\r?\n/).entries()) {
    const line = `${open}${open === '' ? '' : ' '}${withoutComment(full)}`;
    open = '';
    if (line === '') continue;
    const header = /^(\[\[?)\s*([\w.-]+)\s*\]\]?$/.exec(line);
    if (header !== null) {
      table = place(root, (header[2] ?? '').split('.'), header[1] === '[[');
      continue;
    }
    const pair = /^([\w-]+|"[^"]+")\s*=\s*(.*)$/.exec(line);
    if (pair === null) throw new Error(`TOML line ${index + 1}: not understood: ${line}`);
    const value = pair[2] ?? '';
    if (value.startsWith('[') && !value.endsWith(']')) open = line;
    else table[(pair[1] ?? '').replaceAll('"', '')] = scalar(value, index + 1);
  }
  return root;
}

const tableOf = (value: Value | undefined): Table =>
  typeof value === 'object' && !Array.isArray(value) ? value : {};

const tables = (value: Value | undefined): Table[] =>
  Array.isArray(value) ? value.map(tableOf) : [];

const texts = (value: Value | undefined): string[] =>
  Array.isArray(value) ? value.filter((it) => typeof it === 'string') : [];

const textOf = (value: Value | undefined): string => (typeof value === 'string' ? value : '');

/**
 * What `shopify app deploy` would take from `shopify.app.toml`: scopes and subscriptions, the
 * privacy topics too, and the app proxy. It refuses a proxy without the scope for it
 * (shopify.dev, "About app proxies").
 */
export function appToml(text: string): {
  scopes: string[];
  webhooks: { topics: string[]; uri: string; name?: string }[];
  proxy: AppProxy | null;
} {
  const root = readToml(text);
  const webhooks = tables(tableOf(root['webhooks'])['subscriptions']).map((it) => ({
    topics: [...texts(it['topics']), ...texts(it['compliance_topics'])],
    uri: textOf(it['uri']),
    ...(textOf(it['name']) === '' ? {} : { name: textOf(it['name']) }),
  }));
  const scopes = textOf(tableOf(root['access_scopes'])['scopes'])
    .split(',')
    .map((it) => it.trim())
    .filter(Boolean);
  const proxy = proxyOf(root);
  if (proxy !== null && !scopes.includes('write_app_proxy'))
    throw new Error('An app proxy needs the scope write_app_proxy');
  return { scopes, webhooks, proxy };
}

const PREFIXES = ['a', 'apps', 'community', 'tools'];

function proxyOf(root: Table): AppProxy | null {
  if (root['app_proxy'] === undefined) return null;
  const table = tableOf(root['app_proxy']);
  const [url, prefix, subpath] = ['url', 'prefix', 'subpath'].map((key) => textOf(table[key]));
  if (!url || !subpath || !PREFIXES.includes(prefix ?? ''))
    throw new Error('An app proxy has a url, a subpath and one of the prefixes of Shopify');
  return { url, prefix: prefix ?? '', subpath };
}

/** Handle and modules by target, of a `shopify.extension.toml`. */
export function extensionToml(text: string): { handle: string; modules: Record<string, string> } {
  const extension = tables(readToml(text)['extensions'])[0] ?? {};
  const modules: Record<string, string> = {};
  for (const it of tables(extension['targeting']))
    modules[textOf(it['target'])] = textOf(it['module']);
  return { handle: textOf(extension['handle']), modules };
}
