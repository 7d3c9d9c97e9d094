import { BlockStack, Text } from '@shopify/polaris';
import type { PaymentAnswer } from '../../shared/merchant-api.ts';
import { Told, useWords, type Speech } from '../words.tsx';
import { useAmounts } from './use-amounts.ts';

type Entry = PaymentAnswer['timeline'][number];
type Tone = 'success' | 'caution' | 'critical' | undefined;

/** What happened, the newest first, each with its exact time. */
export function Timeline(props: { entries: readonly Entry[]; timeZone: string }) {
  const { entries, timeZone } = props;
  return (
    <ol className="zt-list zt-timeline" reversed>
      {[...entries].reverse().map((entry, index) => (
        <li key={entries.length - index} data-tone={toneOf(entry)}>
          <Happened entry={entry} timeZone={timeZone} />
        </li>
      ))}
    </ol>
  );
}

function toneOf({ to, what }: Entry): Tone {
  if (to === 'settled' || to === 'resolved') return 'success';
  if (to === 'stranded') return 'critical';
  const isCaution = ['quote_refused', 'distrusted', 'paid_again', 'tell_refused', 'tell_delayed'];
  return isCaution.includes(what) ? 'caution' : undefined;
}

function Happened({ entry, timeZone }: { entry: Entry; timeZone: string }) {
  const { exactly } = useAmounts(timeZone);
  const more = useMore(entry, timeZone);
  return (
    <BlockStack gap="050">
      <Text as="p" fontWeight="medium">
        <What entry={entry} />
      </Text>
      {more !== '' && (
        <Text as="p" tone="subdued" breakWord>
          {more}
        </Text>
      )}
      <Text as="p" variant="bodySm" tone="subdued">
        <time dateTime={entry.at}>{exactly(entry.at)}</time>
      </Text>
    </BlockStack>
  );
}

/** A move is said by where it led and why; the rest by what it was. */
function What({ entry: { what, to, because, sentence } }: { entry: Entry }) {
  const { told } = useWords();
  if (what === 'late_left') return <Told code={`late.${because}`} sentence={sentence} />;
  if (to === null) return <Told code={`history.${what}`} sentence={sentence} />;
  const state = told({ code: `state.${to}`, sentence: '' }).text;
  if (state === '') return <Told code="" sentence={sentence} />;
  const why = told({ code: `reason.${because}`, sentence: '' }).text;
  return `${state} ${why}`.trim();
}

/** Until then a price is good, money is held, or Shopify is to wait. */
function untilOf({ to, what }: Entry) {
  if (to === 'held') return 'detail.held_until';
  return what === 'wait_wanted' ? 'detail.wait_until' : 'detail.until';
}

type Amounts = ReturnType<typeof useAmounts>;

/** Of the details those that a merchant can read; the rest is for `explain`. */
const readable: Readonly<
  Record<
    string,
    (value: string, about: { t: Speech['t']; amounts: Amounts; entry: Entry }) => string
  >
> = {
  amountMsat: (value, { amounts }) => amounts.msat(value),
  paidMsat: (value, { amounts, t }) => t('detail.paid', { sats: amounts.msat(value) }),
  until: (value, { amounts, t, entry }) => t(untilOf(entry), { time: amounts.when(value) }),
  sources: (value, { t }) =>
    t('detail.sources', { sources: value.replace(/\b[a-z]/g, (first) => first.toUpperCase()) }),
  told: (value, { amounts, t, entry }) =>
    t('detail.told', {
      amount: amounts.fiat({ amount: value, currency: entry.details['currency'] ?? '' }),
    }),
  why: (value) => value,
  sentence: (value) => value,
};

function useMore(entry: Entry, timeZone: string): string {
  const { t } = useWords();
  const amounts = useAmounts(timeZone);
  const said = Object.entries(readable).flatMap(([name, say]) => {
    const value = entry.details[name] ?? '';
    return value === '' ? [] : [say(value, { t, amounts, entry })];
  });
  return said.join(' · ');
}
