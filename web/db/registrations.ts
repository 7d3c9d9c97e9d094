// The registrations of the merchant app. Which one a request is for is found per request, never
// from a global: one server serves many.
import type { Database } from './database.ts';

export type RegistrationRow = {
  id: number;
  name: string;
  clientId: string;
  sealedSecret: Uint8Array;
};

export const allRegistrations = (db: Database): Promise<RegistrationRow[]> =>
  db.prisma.registration.findMany({ orderBy: { id: 'asc' } });

/** Stores a registration, or replaces the secret of the one with this client id. */
export const storeRegistration = (
  db: Database,
  given: { name: string; clientId: string; sealedSecret: Uint8Array<ArrayBuffer> },
): Promise<RegistrationRow> =>
  db.prisma.registration.upsert({
    where: { clientId: given.clientId },
    create: given,
    update: { name: given.name, sealedSecret: given.sealedSecret },
  });
