// The registrations of our two apps. Which one a request is for is found per request, never
// from a global: one server serves many.
import type { Database } from './database.ts';

/** Which of the two apps a registration is of. */
export type RegistrationKind = 'merchant' | 'payments';

export type RegistrationRow = {
  id: number;
  kind: RegistrationKind;
  name: string;
  clientId: string;
  sealedSecret: Uint8Array;
};

export const allRegistrations = (db: Database): Promise<RegistrationRow[]> =>
  db.prisma.registration.findMany({ orderBy: { id: 'asc' } }) as Promise<RegistrationRow[]>;

/** Of which of the two apps a shop's row is. */
export async function appOfShop(db: Database, shopId: number): Promise<RegistrationKind> {
  const { registration } = await db.prisma.shop.findUniqueOrThrow({
    where: { id: shopId },
    select: { registration: { select: { kind: true } } },
  });
  return registration.kind as RegistrationKind;
}

/** Stores a registration, or replaces the secret of the one with this client id. */
export const storeRegistration = (
  db: Database,
  given: {
    /** Left out: the merchant app, or what it was before. */
    kind?: RegistrationKind;
    name: string;
    clientId: string;
    sealedSecret: Uint8Array<ArrayBuffer>;
  },
): Promise<RegistrationRow> =>
  db.prisma.registration.upsert({
    where: { clientId: given.clientId },
    create: given,
    update: {
      name: given.name,
      sealedSecret: given.sealedSecret,
      ...(given.kind === undefined ? {} : { kind: given.kind }),
    },
  }) as Promise<RegistrationRow>;
