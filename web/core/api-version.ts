// Shopify's API versions are named after the month of their release and answer for a year. After
// that Shopify answers with the oldest version that it still has, without asking anybody.
// Source: shopify.dev, "About Shopify API versioning".

export type ApiVersion = string;

/** A merchant hears of it this long before. */
export const warnBeforeDays = 90;

const dayMs = 86_400_000;

/** When Shopify need not answer with this version any more; undefined for what is no version. */
export function retirementOf(version: ApiVersion): Date | undefined {
  const [, year, month] = /^(20\d\d)-(0[1-9]|1[0-2])$/.exec(version) ?? [];
  if (year === undefined || month === undefined) return undefined;
  return new Date(Date.UTC(Number(year) + 1, Number(month) - 1, 1));
}

/** Whole days until then, not below zero; undefined for no version. */
export function daysLeftOf(version: ApiVersion, now: Date): number | undefined {
  const at = retirementOf(version);
  return at && Math.max(0, Math.ceil((at.getTime() - now.getTime()) / dayMs));
}

/** What Shopify said when it answered one of our documents. */
export type ApiWord = { operation: string; version: ApiVersion; deprecated: string | null };

export type ApiTrouble =
  | { is: 'retires'; version: ApiVersion; at: Date; days: number }
  /** Shopify answered with a version that we did not ask for. */
  | { is: 'differs'; asked: ApiVersion; answered: ApiVersion }
  /** Shopify says that a document of ours uses what will go. */
  | { is: 'deprecated'; operation: string; reason: string };

/** What a person should know of the version that we speak, worst first. */
export function troubleWithApi(about: {
  asked: ApiVersion;
  words: readonly ApiWord[];
  now: Date;
}): ApiTrouble[] {
  const { asked, words, now } = about;
  const other = words.find(({ version }) => version !== asked);
  const at = retirementOf(asked);
  const days = daysLeftOf(asked, now);
  return [
    ...(other === undefined ? [] : [{ is: 'differs' as const, asked, answered: other.version }]),
    ...(at !== undefined && days !== undefined && days <= warnBeforeDays
      ? [{ is: 'retires' as const, version: asked, at, days }]
      : []),
    ...words.flatMap(({ operation, deprecated }) =>
      deprecated === null ? [] : [{ is: 'deprecated' as const, operation, reason: deprecated }],
    ),
  ];
}
