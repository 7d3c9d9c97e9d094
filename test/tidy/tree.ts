// The tree as the house rules see it: every file that we write, and what each imports.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export const root = path.join(import.meta.dirname, '../..');
export const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');
export const exists = (file: string): boolean => fs.existsSync(path.join(root, file));

/** Everything that git keeps or would keep, so that no build and no package is looked at. */
export const files = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\0')
  .filter((file) => file !== '' && exists(file));

export const matching = (pattern: RegExp): string[] => files.filter((file) => pattern.test(file));
/** Written by a tool, and kept because others read it. */
const generated = /(^|\/)(shopify\.d\.ts|package-lock\.json|go\.sum)$/;
export const code = matching(/\.(ts|tsx|mts|js|mjs)$/).filter((file) => !generated.test(file));
export const written = files.filter(
  (file) => !generated.test(file) && !/\.(gz|png|ico|woff2|proto|graphql)$/.test(file),
);
export const isTest = (file: string): boolean => /\.test\.tsx?$/.test(file);

const parsed = new Map<string, ts.SourceFile>();
export function parse(file: string): ts.SourceFile {
  let source = parsed.get(file);
  if (source === undefined) {
    const kind = file.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
    source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true, kind);
    parsed.set(file, source);
  }
  return source;
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => {
    walk(child, visit);
  });
}

/** `file:line`, as a terminal lets one click it. */
export function at(node: ts.Node): string {
  const source = node.getSourceFile();
  const { line } = source.getLineAndCharacterOfPosition(node.getStart());
  return `${source.fileName}:${line + 1}`;
}

/** Texts in backticks, with those of the same file that they name in their place. */
export function textsIn(file: string): { node: ts.Node; text: string }[] {
  const named = new Map<string, string>();
  const found: { node: ts.Node; text: string }[] = [];
  walk(parse(file), (node) => {
    if (!ts.isTemplateExpression(node) && !ts.isNoSubstitutionTemplateLiteral(node)) return;
    const text = node
      .getText()
      .slice(1, -1)
      .replace(/\$\{(\w+)\}/g, (as: string, name: string) => named.get(name) ?? as);
    found.push({ node, text });
    const { parent } = node;
    if (ts.isVariableDeclaration(parent)) named.set(parent.name.getText(), text);
  });
  return found;
}

/** Each query of a statement by itself: what stands in brackets is another one. */
export function queriesIn(sql: string): string[] {
  const open: string[] = [''];
  const done: string[] = [];
  for (const letter of sql) {
    if (letter === ')' && open.length > 1) done.push(open.pop() ?? '');
    else if (letter === '(') open.push('');
    else open.push((open.pop() ?? '') + letter);
  }
  return [...done, ...open];
}

export type Import = { node: ts.Node; from: string; typeOnly: boolean };

const isTypeOnly = (node: ts.ImportDeclaration | ts.ExportDeclaration): boolean => {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const { importClause: clause } = node;
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly);
};

/** Static and dynamic imports, re-exports and `import('...')` types. */
export function importsOf(file: string): Import[] {
  const found: Import[] = [];
  walk(parse(file), (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const name = node.moduleSpecifier;
      if (name === undefined || !ts.isStringLiteral(name)) return;
      found.push({ node, from: name.text, typeOnly: isTypeOnly(node) });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [name] = node.arguments;
      if (name === undefined || !ts.isStringLiteralLike(name)) return;
      found.push({ node, from: name.text, typeOnly: false });
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      const { literal } = node.argument;
      if (!ts.isStringLiteral(literal)) return;
      found.push({ node, from: literal.text, typeOnly: true });
    }
  });
  return found;
}

/** The path of a relative import from the root of the repository; undefined for packages. */
export const resolved = (file: string, from: string): string | undefined =>
  from.startsWith('.') ? path.posix.join(path.posix.dirname(file), from) : undefined;
