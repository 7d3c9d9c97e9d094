// The points at which a process can be killed so that it matters, read from the source itself:
// every statement that writes to the database, every write through Prisma, and every call of an
// outsider through a port. Nothing is listed by hand here, so that a statement of tomorrow is a
// point too.
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.join(import.meta.dirname, '..', '..');

export type Point = {
  /** `sql invoice_settle`, `prisma markSwept shop.updateMany`, `call tell-shopify.markPaid`. */
  id: string;
  /** Paths inside the repository. */
  files: string[];
};

/** A call in a source file that has to be wrapped to be seen: UTF-16 offsets of the whole call. */
export type Site = { id: string; file: string; from: number; to: number; waits: boolean };

const writing = /\b(insert\s+into|update\s+[\w$"]|delete\s+from|nudge\(|pg_notify|add_jobs?\()/i;
const locking = /\bfor\s+(no\s+key\s+)?update\b/gi;
const prismaWrites = /^(create|update|delete|upsert)(Many)?(AndReturn)?$/;

function filesOf(room: string): string[] {
  return fs
    .readdirSync(path.join(root, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('generated'))
    .map((file) => path.join(room, file))
    .sort();
}

const parse = (file: string): ts.SourceFile =>
  ts.createSourceFile(
    file,
    fs.readFileSync(path.join(root, file), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => {
    visit(child, see);
  });
}

/** What an expression says, with the constants of its file that it names. */
function saidBy(source: ts.SourceFile, expression: ts.Node, depth = 0): string {
  const said = [expression.getText(source)];
  if (depth === 3) return said.join();
  const names = new Set<string>();
  visit(expression, (node) => {
    if (ts.isIdentifier(node)) names.add(node.text);
  });
  visit(source, (node) => {
    const declares = ts.isVariableDeclaration(node) && ts.isIdentifier(node.name);
    if (!declares || node.initializer === undefined || !names.has(node.name.getText())) return;
    if (node.initializer !== expression) said.push(saidBy(source, node.initializer, depth + 1));
  });
  return said.join('\n');
}

const keyOf = (node: ts.ObjectLiteralElementLike): string => node.name?.getText() ?? '';

/** `claim_${table}` is `claim_*`: one statement for several tables. */
function nameOf(expression: ts.Expression): string | undefined {
  if (ts.isStringLiteralLike(expression)) return expression.text;
  if (!ts.isTemplateExpression(expression)) return undefined;
  const rest = expression.templateSpans.map((span) => `*${span.literal.text}`);
  return [expression.head.text, ...rest].join('');
}

/** The named statements of a file that write. */
function statementsOf(file: string): string[] {
  const source = parse(file);
  const found: string[] = [];
  visit(source, (node) => {
    if (!ts.isObjectLiteralExpression(node)) return;
    const name = node.properties.find((each) => keyOf(each) === 'name');
    const text = node.properties.find((each) => keyOf(each) === 'text');
    if (name === undefined || text === undefined || !ts.isPropertyAssignment(name)) return;
    const called = nameOf(name.initializer);
    if (called === undefined || called === '') return;
    const what = ts.isPropertyAssignment(text) ? text.initializer : (text.name ?? text);
    if (writing.test(saidBy(source, what).replaceAll(locking, ''))) found.push(called);
  });
  return found;
}

/** The function around a node, by its name. */
function placeOf(node: ts.Node): string {
  for (let at = node; !ts.isSourceFile(at); at = at.parent) {
    if (ts.isFunctionDeclaration(at)) return at.name?.text ?? '';
    if (ts.isVariableDeclaration(at) && ts.isSourceFile(at.parent.parent.parent))
      return at.name.getText();
  }
  return '';
}

const waitsIn = (node: ts.CallExpression): boolean => {
  let waits = false;
  visit(node, (each) => {
    waits ||= ts.isAwaitExpression(each);
  });
  return waits;
};

const siteOf = (id: string, file: string, node: ts.CallExpression): Site => ({
  ...{ id, file, from: node.getStart(), to: node.getEnd(), waits: waitsIn(node) },
});

function prismaSitesOf(file: string): Site[] {
  const found: Site[] = [];
  const source = parse(file);
  visit(source, (node) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
    const { name, expression: model } = node.expression;
    if (!prismaWrites.test(name.text) || !ts.isPropertyAccessExpression(model)) return;
    if (!/(^|\.)(prisma|tx)$/.test(model.expression.getText(source))) return;
    found.push(siteOf(`prisma ${placeOf(node)} ${model.name.text}.${name.text}`, file, node));
  });
  return found;
}

/** The methods of the outsiders: what the ports' types promise to answer later. */
function methodsOfPorts(): Set<string> {
  const outsiders = new Set(['LightningNode', 'Storefront', 'PaymentSessions']);
  const found = new Set<string>();
  visit(parse('web/core/ports.ts'), (node) => {
    if (!ts.isTypeAliasDeclaration(node) || !outsiders.has(node.name.text)) return;
    if (!ts.isTypeLiteralNode(node.type)) return;
    for (const member of node.type.members) {
      const is =
        ts.isPropertySignature(member) && member.type && ts.isFunctionTypeNode(member.type);
      if (is && member.type.type.getText().startsWith('Promise<')) {
        found.add(member.name.getText());
      }
    }
  });
  return found;
}

function callSitesOf(file: string, methods: ReadonlySet<string>): Site[] {
  const found: Site[] = [];
  visit(parse(file), (node) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
    const method = node.expression.name.text;
    if (!methods.has(method)) return;
    found.push(siteOf(`call ${path.basename(file, '.ts')}.${method}`, file, node));
  });
  return found;
}

/** Everything, in order of its name. */
export function enumerate(): { points: Point[]; sites: Site[] } {
  const database = filesOf('web/db');
  const methods = methodsOfPorts();
  const sites = [
    ...filesOf('web').flatMap((file) =>
      file.includes('/generated/') || file.includes('/frontend/') ? [] : prismaSitesOf(file),
    ),
    ...['web/flows', 'web/http'].flatMap((room) =>
      filesOf(room).flatMap((file) => callSitesOf(file, methods)),
    ),
    ...callSitesOf('web/wiring.ts', methods),
  ];
  const points = new Map<string, Point>();
  const add = (id: string, file: string): void => {
    const had = points.get(id) ?? { id, files: [] };
    if (!had.files.includes(file)) had.files.push(file);
    points.set(id, had);
  };
  for (const file of database) {
    for (const name of statementsOf(file)) add(`sql ${name}`, file);
  }
  for (const { id, file } of sites) add(id, file);
  const sorted = [...points.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  return { points: sorted, sites };
}
