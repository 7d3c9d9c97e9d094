// The house rules. Each check says how much it looked at, and fails when that is suspiciously
// little: a check that sees nothing passes for ever.
import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { buildSchema, parse as parseGraphql, validate } from 'graphql';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import vitestConfig from '../vitest.config.ts';
import { paymentMoves, paymentStates } from '../web/core/payment.ts';
import { refundMoves, refundStates } from '../web/core/refund.ts';
import { documents } from '../web/shopify/documents.ts';
import { paymentsDocuments } from '../web/shopify/payments-documents.ts';
import { borderless, borderOf } from './tidy/borders.ts';
import {
  at,
  code,
  exists,
  files,
  importsOf,
  isTest,
  matching,
  parse,
  queriesIn,
  read,
  resolved,
  root,
  textsIn,
  walk,
  written,
} from './tidy/tree.ts';

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/** `file:line: what` for every place where the pattern stands. */
const places = (list: readonly string[], pattern: RegExp): string[] =>
  list.flatMap((file) => {
    const text = read(file);
    return [...text.matchAll(pattern)].map((m) => `${file}:${lineAt(text, m.index)}: ${m[0]}`);
  });

describe('borders', () => {
  const inRooms = code.filter((file) => borderOf(file) && !borderless.includes(file));

  test('every relative import leads to a file', () => {
    let seen = 0;
    const lost = code.flatMap((file) =>
      importsOf(file).flatMap(({ node, from }) => {
        const target = resolved(file, from);
        if (target === undefined) return [];
        seen++;
        const made = target.startsWith('web/db/generated/') || target.endsWith('.css?inline');
        return made || exists(target) ? [] : [`${at(node)}: ${from}`];
      }),
    );
    expect(lost).toEqual([]);
    expect(seen).toBeGreaterThan(300);
  });

  test('no room imports what lies outside its border', () => {
    let seen = 0;
    const crossed = inRooms.filter(mayCross).flatMap((file) => {
      const [folder, border] = borderOf(file) ?? ['', { may: [] }];
      return importsOf(file).flatMap(({ node, from, typeOnly }) => {
        seen++;
        const target = resolved(file, from);
        if (target === undefined) {
          const allowed = border.packages?.includes(from) ?? true;
          return allowed ? [] : [`${at(node)}: ${folder} uses the package ${from}`];
        }
        if (target.startsWith(folder) && !target.startsWith('web/')) return [];
        const inWeb = target.startsWith('web/') ? target.slice('web/'.length) : undefined;
        const may = [...border.may, ...(typeOnly ? (border.types ?? []) : [])];
        const allowed = inWeb !== undefined && may.some((prefix) => inWeb.startsWith(prefix));
        return allowed ? [] : [`${at(node)}: ${folder} imports ${target}`];
      });
    });
    expect(crossed).toEqual([]);
    expect(seen).toBeGreaterThan(300);
  });

  test('no test lives on a border: rooms do not import tests or scripts', () => {
    const wrong = matching(/^(web|sandbox|extensions)\/.*\.m?tsx?$/)
      .filter((file) => !isTest(file) && mayCross(file))
      .flatMap((file) =>
        importsOf(file)
          .filter(({ from }) => /^(test|scripts)\//.test(resolved(file, from) ?? ''))
          .filter(() => !borderless.includes(file) && !/^web\/[^/]+\.ts$/.test(file))
          .map(({ node, from }) => `${at(node)}: ${from}`),
      );
    expect(wrong).toEqual([]);
  });

  /** Tests and build files look at their room from outside. */
  function mayCross(file: string): boolean {
    return !isTest(file) && !/(vite\.config|test-dom)\.ts$/.test(file) && !/\/tests\//.test(file);
  }

  test('the core reads no clock, no environment and no dice', () => {
    const core = matching(/^web\/core\/.*\.ts$/);
    expect(core.length).toBeGreaterThan(8);
    expect(
      places(
        core,
        /\bDate\.now\b|\bnew Date\(\)|\bprocess\.|\bMath\.random\b|\bcrypto\.|\bfetch\(/g,
      ),
    ).toEqual([]);
  });
});

describe('form', () => {
  test('no line is longer than 100 columns', () => {
    const looked = written.filter((file) => /\.(m?tsx?|m?js|css|html|sh)$|\.ci\/run$/.test(file));
    const long = looked.flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, i) => (line.length > 100 ? [`${file}:${i + 1}`] : [])),
    );
    expect(long).toEqual([]);
    expect(looked.length).toBeGreaterThan(150);
  });

  test('no function is longer than 70 lines', () => {
    let seen = 0;
    const long: string[] = [];
    for (const file of code) {
      walk(parse(file), (node) => {
        if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
        seen++;
        // What `describe` is given is a chapter, not a function.
        const { parent } = node;
        if (ts.isCallExpression(parent) && /^describe\b/.test(parent.expression.getText())) return;
        const source = node.getSourceFile();
        const first = source.getLineAndCharacterOfPosition(node.getStart()).line;
        const last = source.getLineAndCharacterOfPosition(node.end).line;
        if (last - first + 1 > 70) long.push(`${at(node)}: ${last - first + 1} lines`);
      });
    }
    expect(long).toEqual([]);
    expect(seen).toBeGreaterThan(1000);
  });

  test('files are named in kebab-case, and after what they are', () => {
    const badName = /(^|-)(services?|managers?|helpers?|utils?|common|handlers?|data|info)(-|\.|$)/;
    const wrong = code.filter((file) => {
      const base = path.basename(file);
      return !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*\.[a-z]+$/.test(base) || badName.test(base);
    });
    expect(wrong).toEqual([]);
    expect(code.length).toBeGreaterThan(150);
  });

  test('types are named after what they are', () => {
    let seen = 0;
    const wrong: string[] = [];
    for (const file of code) {
      walk(parse(file), (node) => {
        const named =
          ts.isTypeAliasDeclaration(node) ||
          ts.isInterfaceDeclaration(node) ||
          ts.isClassDeclaration(node);
        if (!named || node.name === undefined) return;
        seen++;
        const words = node.name.text.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
        const bad = words.find((word) =>
          /^(service|manager|helper|util|utils|common|handler|data|info)$/.test(word),
        );
        if (bad ?? /^I[A-Z][a-z]/.test(node.name.text))
          wrong.push(`${at(node)}: ${node.name.text}`);
      });
    }
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(200);
  });

  test('every room opens with a paragraph', () => {
    const rooms = new Set(
      matching(/^(web|sandbox)\/.*\.tsx?$/)
        .filter((file) => !isTest(file))
        .map((file) => path.dirname(file))
        .filter((folder) => folder.split('/').length === 2),
    );
    const silent = [...rooms].filter((room) => {
      const here = code.filter((file) => path.dirname(file) === room);
      return !here.some((file) => /^(\/\/.*\n){2,}|^\/\*\*?[\s\S]{80,}?\*\//.test(read(file)));
    });
    expect(silent).toEqual([]);
    expect(rooms.size).toBeGreaterThan(8);
  });
});

describe('left out', () => {
  const notHere = (file: string): boolean =>
    file !== 'test/tidy.test.ts' && !file.startsWith('test/tidy/');
  const ours = code.filter(notHere);

  test('nothing is left for later', () => {
    expect(places(written.filter(notHere), /\b(TODO|FIXME|XXX:)/g)).toEqual([]);
    expect(written.length).toBeGreaterThan(200);
  });

  test('nothing is said on the console but by programs that a person starts', () => {
    const speaks = new RegExp(
      '^(scripts/|web/cli[./]|sandbox/start|test/browser/shots)|^sandbox/shopify/browser/',
    );
    const quiet = ours.filter((file) => !speaks.test(file));
    expect(places(quiet, /\bconsole\.\w+/g)).toEqual([]);
    expect(quiet.length).toBeGreaterThan(150);
  });

  test('the environment is read in one place', () => {
    const may = /^(web\/config\.ts|scripts\/|sandbox\/|test\/|(vitest|prisma)\.config\.ts)/;
    const others = ours.filter((file) => !may.test(file));
    const filledAtBuild = /process\.env\.SHOPIFY_APP_URL$/;
    const found = places(others, /\bprocess\.env\b(\.\w+|\[[^\]]*\])?/g);
    expect(found.filter((line) => !filledAtBuild.test(line))).toEqual([]);
    expect(others.length).toBeGreaterThan(100);
  });

  test('money is never a floating number', () => {
    let seen = 0;
    const money = /(^|[a-z])(msat|minor)$|(Msat|Minor)$/;
    const wrong: string[] = [];
    for (const file of ours.filter((name) => name.startsWith('web/'))) {
      walk(parse(file), (node) => {
        const typed =
          ts.isPropertySignature(node) ||
          ts.isPropertyDeclaration(node) ||
          ts.isParameter(node) ||
          ts.isVariableDeclaration(node);
        if (!typed || !money.test(node.name.getText())) return;
        seen++;
        if (/\bnumber\b/.test(node.type?.getText() ?? '')) wrong.push(at(node));
      });
    }
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(40);
    expect(places(ours, /\bparseFloat\b/g)).toEqual([]);
  });

  test('no row is put in the order of its id as text', () => {
    // What a statement gives out as text is what a bare name in its `order by` means.
    const given = /(?<![\w.])(\w*id)::text(?! as)/g;
    let seen = 0;
    const wrong: string[] = [];
    for (const file of code.filter((name) => name.startsWith('web/') && !isTest(name))) {
      for (const { node, text } of textsIn(file)) {
        for (const query of queriesIn(text)) {
          const names = [...query.matchAll(given)].map(([, name = '']) => name);
          if (names.length === 0) continue;
          seen++;
          const bare = new RegExp(`order by (?:[^()]*, *)?(?:${names.join('|')})(?![\\w.])`);
          if (bare.test(query)) wrong.push(at(node));
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(20);
  });

  test('the tree names no registry and no place on one machine', () => {
    const list = written.filter(notHere);
    expect(places(list, /registry\.npmjs|npmjs\.org|proxy\.golang\.org|binaries\.prisma/g)).toEqual(
      [],
    );
    expect(places(list, /(?<![\w.])\/(work|root)\/\w+/g)).toEqual([]);
    const program = list.filter((file) => !file.startsWith('test/'));
    expect(places(program, /(?<![\w.])\/(tmp|home)\/\w+/g)).toEqual([]);
  });
});

describe('nothing is dead', () => {
  const roots = matching(
    /^(web\/(server|worker|signer|cli)\.ts|sandbox\/start\.ts|scripts\/[^/]+\.m?[tj]s)$/,
  )
    .concat(matching(/^[^/]+\.(ts|js)$/))
    .concat(matching(/\/vite\.config\.ts$|\.html$|\.toml$|\.json$/));

  /** Imports, and any literal that names a file from here or from the root. */
  const leadsTo = (file: string): string[] => {
    if (!/\.(m?tsx?|m?js)$/.test(file)) {
      const names = [...read(file).matchAll(/["']([\w./-]+\.(?:m?tsx?|m?js|css))["']/g)];
      return names.flatMap(([, name = '']) => candidates(file, name));
    }
    const found: string[] = [];
    walk(parse(file), (node) => {
      if (ts.isStringLiteralLike(node)) found.push(...candidates(file, node.text));
      if (ts.isTemplateHead(node)) found.push(...folderOf(file, node.text));
      // `${import.meta.dirname}/client/pay.ts`
      if (ts.isTemplateTail(node)) found.push(...candidates(file, `.${node.text}`));
    });
    return found;
  };
  const candidates = (file: string, name: string): string[] =>
    /\.\w+(\?\w+)?$/.test(name)
      ? [path.posix.join(path.posix.dirname(file), name), name.replace(/^\//, '')]
          .map((candidate) => candidate.replace(/\?\w+$/, ''))
          .filter((candidate) => files.includes(candidate))
      : [];
  /** `import(\`./words/${locale}.json\`)` keeps every file of that folder. */
  const folderOf = (file: string, start: string): string[] => {
    if (!/^\.{1,2}\/.*\/$/.test(start)) return [];
    const folder = path.posix.join(path.posix.dirname(file), start);
    return files.filter((other) => other.startsWith(folder));
  };
  const reach = (from: readonly string[]): Set<string> => {
    const reached = new Set(from);
    for (const file of reached) for (const next of leadsTo(file)) reached.add(next);
    return reached;
  };

  test('every file of the program is reached from an entrance', () => {
    const reached = reach(roots);
    const program = matching(/^(web|sandbox|extensions)\/.*\.(m?tsx?|m?js|css)$/).filter(
      (file) => !isTest(file) && !/test-dom|\/tests\/|\.d\.ts$/.test(file),
    );
    expect(program.filter((file) => !reached.has(file))).toEqual([]);
    expect(program.length).toBeGreaterThan(120);
  });

  test('every file of the tests is reached from a test', () => {
    const tests = matching(/\.test\.tsx?$/);
    const started = [
      'test/browser/shots.ts',
      'test/bench/run.ts',
      'test/storm/run.ts',
      'test/storm/child.ts',
    ];
    const reached = reach([...tests, 'vitest.config.ts', ...started]);
    const around = matching(/^test\/.*\.(m?tsx?|m?js)$/);
    expect(around.filter((file) => !reached.has(file))).toEqual([]);
    expect(tests.length).toBeGreaterThan(25);
  });

  test('every test is run by exactly one project', () => {
    const projects = (vitestConfig.test?.projects ?? []).map((project) => {
      const { include = [], exclude = [] } =
        (project as { test?: { include?: string[]; exclude?: string[] } }).test ?? {};
      return { include, exclude };
    });
    expect(projects).toHaveLength(7);
    const tests = code.filter(
      (file) => /\.(test|spec)\.\w+$/.test(file) || /^\s*(test|it)\(/m.test(read(file)),
    );
    const one = (globs: readonly string[], file: string): boolean =>
      globs.some((glob) => path.matchesGlob(file, glob));
    const runs = tests.map((file) => ({
      file,
      by: projects.filter((p) => one(p.include, file) && !one(p.exclude, file)).length,
    }));
    // A suite that a port's two implementations share is run by the files that import it.
    const shared = /^test\/contract\/[a-z-]+\.ts$/;
    expect(runs.filter(({ file, by }) => by !== 1 && !shared.test(file))).toEqual([]);
    expect(runs.length).toBeGreaterThan(25);
  });
});

describe('what must agree', () => {
  test('the README draws the transition table, and says each state’s sentence', () => {
    const readme = read('README.md');
    const drawn = [...readme.matchAll(/^\s*(\w+) --> (\w+)/gm)].map(([, a, b]) => `${a} --> ${b}`);
    const table = [...Object.entries(paymentMoves), ...Object.entries(refundMoves)].flatMap(
      ([from, tos]) => tos.map((to) => `${from} --> ${to}`),
    );
    expect(drawn.sort()).toEqual(table.sort());
    expect(table.length).toBeGreaterThan(15);
    const sentences = [...Object.values(paymentStates), ...Object.values(refundStates)];
    for (const sentence of sentences) expect(readme).toContain(sentence);
  });

  test('every GraphQL document is valid against the schema of the API that it is for', () => {
    const schemas = path.join(root, 'sandbox/shopify/schema');
    const packed = fs.readFileSync(path.join(schemas, 'admin_2026-07.graphql.gz'));
    const plain = fs.readFileSync(path.join(schemas, 'payments-apps_2026-07.graphql'), 'utf8');
    const schemaOf = (text: string) => buildSchema(text, { assumeValid: true });
    const admin = schemaOf(gunzipSync(packed).toString());
    const payments = schemaOf(plain);
    const faults = (schema: typeof admin, list: typeof documents) =>
      list.flatMap(({ name, text }) =>
        validate(schema, parseGraphql(text)).map((error) => `${name}: ${error.message}`),
      );
    expect(faults(admin, documents)).toEqual([]);
    expect(faults(payments, paymentsDocuments)).toEqual([]);
    expect(documents.length).toBeGreaterThan(3);
    expect(paymentsDocuments.length).toBeGreaterThan(3);
    // None is sent that does not stand in a list.
    const lists = matching(/^web\/shopify\/([a-z-]+-)?documents\.ts$/);
    const others = matching(/^web\/.*\.ts$/).filter((file) => !lists.includes(file));
    expect(places(others, /[`'"](#graphql\s+)?(query|mutation|fragment) \w+\s*[({]/g)).toEqual([]);
    const texts = lists.flatMap(
      (file) => read(file).match(/^\s+text:\s+[`'](query|mutation)/gm) ?? [],
    );
    expect(texts).toHaveLength(documents.length + paymentsDocuments.length);
  });

  test('no document of the Admin API can be reached from what the payments app sends', () => {
    const reached = new Set(['web/shopify/payment-sessions.ts']);
    for (const file of reached) {
      for (const { from, typeOnly } of importsOf(file)) {
        const target = resolved(file, from);
        if (target !== undefined && !typeOnly) reached.add(target);
      }
    }
    const sent = [...reached].filter((file) => /documents\.ts$|\/admin/.test(file));
    expect(sent).toEqual(['web/shopify/payments-documents.ts']);
    expect(reached.size).toBeGreaterThan(3);
    const texts = new Set(documents.map(({ text }) => text));
    expect(paymentsDocuments.filter(({ text }) => texts.has(text))).toEqual([]);
    // The path is chosen where the client is made, in one place for each API.
    const named = (api: string) =>
      matching(/^web\/.*\.ts$/).filter((file) => read(file).includes(`shopApi(deps, '${api}')`));
    expect(named('payments_apps/api')).toEqual(['web/shopify/payment-sessions.ts']);
    expect(named('admin/api')).toEqual(['web/shopify/admin-api.ts']);
  });

  test('every route says who may knock', () => {
    const http = matching(/^web\/http\/.*\.ts$/);
    const routes: string[] = [];
    const wrong: string[] = [];
    for (const file of http) {
      walk(parse(file), (node) => {
        if (ts.isObjectLiteralExpression(node)) {
          const names = node.properties.map((property) => property.name?.getText());
          if (!names.includes('method') || !names.includes('path')) return;
          routes.push(at(node));
          if (!names.includes('policy')) wrong.push(`${at(node)}: no policy`);
        }
        if (!ts.isCallExpression(node)) return;
        // A room may make its routes of one policy by a function of its own, called `route`.
        if (node.expression.getText() === 'route') routes.push(at(node));
        // A door that Express is told of directly has no policy.
        if (!ts.isPropertyAccessExpression(node.expression)) return;
        const direct = /^(get|post|put|patch|delete|all|options)$/.test(node.expression.name.text);
        const [first] = node.arguments;
        if (!direct || first === undefined || !ts.isStringLiteralLike(first)) return;
        if (first.text.startsWith('/')) wrong.push(`${at(node)}: ${first.text}`);
      });
    }
    expect(wrong).toEqual([]);
    expect(routes.length).toBeGreaterThan(14);
  });
});
