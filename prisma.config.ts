import path from 'node:path';
import { defineConfig } from 'prisma/config';

// The CLI would download its native engine; ours runs from the packages that are installed.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= path.join(
  import.meta.dirname,
  'scripts/schema-engine.mjs',
);

// Commands that need no database get an address where nobody listens.
const nowhere = 'postgresql://unset@127.0.0.1:1/unset';

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['DATABASE_URL'] ?? nowhere },
});
