// The doors: Shopify, merchants and buyers knock here. Migrates the database before it listens.
import { createServer, type Server } from 'node:http';
import { begin, migrateWhenThere, stopOnSignal } from './entrance.ts';
import { makeApp } from './http/app.ts';
import { makePaymentsApp } from './http/from-payments.ts';
import { keepIdleMs } from './http/keep-idle.ts';
import { openMutualTls } from './http/mutual-tls.ts';
import { keepRenewed } from './http/renewed-certificates.ts';

const wired = await begin();
const { config, log } = wired;
await migrateWhenThere(wired);
const doors = wired.doors();
const loopback = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|$)/.test(config.appUrl);
const host = loopback ? '127.0.0.1' : undefined;
const servers: Pick<Server, 'close' | 'closeIdleConnections' | 'closeAllConnections' | 'once'>[] =
  [];

// First the one that few knock at: a taken port ends the process before a buyer is let in.
if (config.paymentsDoor !== undefined) {
  const { port } = config.paymentsDoor;
  const server = openMutualTls(config.paymentsDoor, makePaymentsApp(doors), () => {
    doors.countRefusedProof('payments');
  });
  await new Promise<void>((opened, failed) => {
    server.once('error', failed).listen(port, host, opened);
  });
  log.info({ port }, 'payments_door.open');
  servers.push(server);
  server.once('close', keepRenewed({ log, renew: server.renew }, config.paymentsDoor));
}
const server = createServer(
  { requestTimeout: 30_000, keepAliveTimeout: keepIdleMs },
  makeApp(doors),
);
server.listen(config.port, host, () => {
  log.info({ port: config.port }, 'doors.open');
});
servers.push(server);

stopOnSignal(log, async () => {
  const ended = servers.map((each) => new Promise((resolve) => each.once('close', resolve)));
  for (const each of servers) {
    each.close();
    each.closeIdleConnections();
  }
  setTimeout(() => {
    for (const each of servers) each.closeAllConnections();
  }, 3_000).unref();
  await Promise.all(ended);
  await wired.close();
});
