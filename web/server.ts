// The doors: Shopify, merchants and buyers knock here. Migrates the database before it listens.
import { createServer } from 'node:http';
import { begin, migrateWhenThere, stopOnSignal } from './entrance.ts';
import { makeApp } from './http/app.ts';

const wired = await begin();
const { config, log } = wired;
await migrateWhenThere(wired);
const server = createServer({ requestTimeout: 30_000 }, makeApp(wired.doors()));
const loopback = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|$)/.test(config.appUrl);
server.listen(config.port, loopback ? '127.0.0.1' : undefined, () => {
  log.info({ port: config.port }, 'doors.open');
});
stopOnSignal(log, async () => {
  server.close();
  server.closeIdleConnections();
  setTimeout(() => {
    server.closeAllConnections();
  }, 3_000).unref();
  await new Promise((resolve) => server.once('close', resolve));
  await wired.close();
});
