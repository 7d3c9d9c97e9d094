import { Badge, BlockStack, Card, InlineStack, Text } from '@shopify/polaris';
import { formatBasisPoints } from '../../shared/amounts.ts';
import type { InvoiceShown, PaymentAnswer } from '../../shared/merchant-api.ts';
import { isWord, useWords, type Word } from '../words.tsx';
import { CopyButton } from './copy-button.tsx';
import { Facts } from './facts.tsx';
import { PlainTable } from './plain-table.tsx';
import { useAmounts } from './use-amounts.ts';

/** The invoice that counts: the one whose money is the order's, or else the newest. */
export const mainInvoice = ({ invoices }: PaymentAnswer): InvoiceShown | undefined =>
  invoices.find(({ isOfOrder }) => isOfOrder) ?? invoices[0];

const capital = (name: string): string => name.replace(/^[a-z]/, (first) => first.toUpperCase());

/** What was promised, and from whom the price came: enough to check it years later. */
export function Quote({ payment }: { payment: PaymentAnswer }) {
  const { t, locale } = useWords();
  const { fiat, exactly } = useAmounts(payment.timeZone);
  const adjustmentFacts = useAdjustmentFacts();
  const invoice = mainInvoice(payment);
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('quote.title')}
        </Text>
        {invoice === undefined ? (
          <Text as="p" tone="subdued">
            {t('quote.none')}
          </Text>
        ) : (
          <>
            <Text as="p" numeric>
              {t('quote.one', { price: fiat(priceOf(invoice, invoice.quote.price)) })}
            </Text>
            <PlainTable
              label={t('quote.title')}
              columns={[
                { heading: t('quote.source') },
                { heading: t('quote.price'), isNumber: true },
                { heading: t('quote.at') },
              ]}
              rows={invoice.quote.sources.map(({ source, price, at }) => [
                capital(source),
                fiat(priceOf(invoice, price)),
                <time key={source} dateTime={at}>
                  {exactly(at)}
                </time>,
              ])}
            />
            <Facts
              facts={[
                ...adjustmentFacts(invoice),
                ...(invoice.quote.alone === null
                  ? []
                  : [
                      {
                        term: t('quote.alone'),
                        is: t('quote.alone.text', {
                          price: fiat(priceOf(invoice, invoice.quote.alone.before)),
                          time: exactly(invoice.quote.alone.at),
                        }),
                      },
                    ]),
                ...(invoice.quote.spreadBasisPoints === null
                  ? []
                  : [
                      {
                        term: t('quote.spread'),
                        is: t('quote.percent', {
                          percent: percentOf(invoice.quote.spreadBasisPoints, locale),
                        }),
                      },
                    ]),
                { term: t('quote.made'), is: exactly(invoice.quote.madeAt) },
                { term: t('quote.until'), is: exactly(invoice.quote.lapsesAt) },
              ]}
            />
          </>
        )}
      </BlockStack>
    </Card>
  );
}

/** What the shop itself changed: the market price, by how much, and what came of it. */
function useAdjustmentFacts() {
  const { t, locale } = useWords();
  const { fiat } = useAmounts();
  return (invoice: InvoiceShown) => {
    const { adjustment, price } = invoice.quote;
    if (adjustment === null) return [];
    const { basisPoints, appliedPrice } = adjustment;
    return [
      { term: t('quote.market'), is: fiat(priceOf(invoice, price)) },
      {
        term: t(basisPoints < 0 ? 'quote.discount' : 'quote.markup'),
        is: formatBasisPoints(basisPoints, locale),
      },
      { term: t('quote.applied'), is: fiat(priceOf(invoice, appliedPrice)) },
    ];
  };
}

const priceOf = (invoice: InvoiceShown, amount: string) => ({
  amount,
  currency: invoice.quote.fiat.currency,
});
const percentOf = (basisPoints: number, locale: string): string =>
  new Intl.NumberFormat(locale, { minimumFractionDigits: 2 }).format(basisPoints / 100);

/** Whose node it was: it outlives its name. */
export function NodeOf({ payment }: { payment: PaymentAnswer }) {
  const { t } = useWords();
  const node = mainInvoice(payment)?.node;
  if (node === undefined) return null;
  const network = `network.${node.network}`;
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('node_card.title')}
        </Text>
        <Facts
          facts={[
            { term: t('node_card.alias'), is: <bdi>{node.alias === '' ? '–' : node.alias}</bdi> },
            { term: t('node_card.network'), is: isWord(network) ? t(network) : node.network },
          ]}
        />
        {node.retired && (
          <Text as="p" tone="subdued">
            {t('node_card.retired')}
          </Text>
        )}
        <Value name={t('node_card.identity')} text={node.identity} />
      </BlockStack>
    </Card>
  );
}

/** A long value, to be copied. */
export function Value({ name, text }: { name: string; text: string }) {
  const { t } = useWords();
  return (
    <BlockStack gap="200">
      <Text as="h3" variant="headingSm">
        {name}
      </Text>
      <code className="zt-code" dir="ltr">
        {text}
      </code>
      <div>
        <CopyButton text={text} label={t('copy')} name={t('copy_what', { what: name })} />
      </div>
    </BlockStack>
  );
}

const tones = {
  made: 'info',
  live: 'attention',
  held: 'attention',
  settled: 'success',
  canceled: undefined,
} as const;

/** To the node an invoice whose money it holds is still alive, but nobody can pay it any more. */
const standingOf = ({ state, heldAt }: InvoiceShown): keyof typeof tones =>
  state === 'live' && heldAt !== null ? 'held' : state;

/** Every invoice that this payment had, the newest first. */
export function Invoices({ payment }: { payment: PaymentAnswer }) {
  const { t } = useWords();
  const { invoices, timeZone } = payment;
  return (
    <Card>
      <BlockStack gap="400">
        <Text as="h2" variant="headingMd">
          {t('invoices.title')}
        </Text>
        {invoices.length === 0 && (
          <Text as="p" tone="subdued">
            {t('invoices.none')}
          </Text>
        )}
        <ul className="zt-list zt-rows">
          {invoices.map((invoice) => (
            <li key={invoice.hash}>
              <Invoice invoice={invoice} timeZone={timeZone} />
            </li>
          ))}
        </ul>
      </BlockStack>
    </Card>
  );
}

function Invoice({ invoice, timeZone }: { invoice: InvoiceShown; timeZone: string }) {
  const { t } = useWords();
  const { msat, fiat } = useAmounts();
  const standing = standingOf(invoice);
  const tone = tones[standing];
  const facts = useInvoiceFacts(invoice, timeZone);
  return (
    <BlockStack gap="300">
      <InlineStack gap="200" blockAlign="center">
        <Text as="h3" variant="headingSm" numeric>
          {msat(invoice.amountMsat)}
        </Text>
        <Text as="span" tone="subdued" numeric>
          {fiat(invoice.quote.fiat)}
        </Text>
        <Badge {...(tone === undefined ? {} : { tone })}>{t(`invoice.${standing}`)}</Badge>
      </InlineStack>
      {invoice.state === 'settled' && !invoice.isOfOrder && (
        <Text as="p" tone="caution">
          {t('invoice.second')}
        </Text>
      )}
      <Facts facts={facts} />
      <code className="zt-code" dir="ltr">
        {invoice.hash}
      </code>
      <InlineStack gap="200">
        <CopyButton
          text={invoice.hash}
          label={t('proof.hash')}
          name={t('copy_what', { what: t('proof.hash') })}
        />
        {invoice.request !== null && (
          <CopyButton
            text={invoice.request}
            label={t('invoice.request')}
            name={t('copy_what', { what: t('invoice.request') })}
          />
        )}
      </InlineStack>
    </BlockStack>
  );
}

function useInvoiceFacts(invoice: InvoiceShown, timeZone: string) {
  const { t } = useWords();
  const { exactly, msat } = useAmounts(timeZone);
  const said = (word: string): string => (isWord(word) ? t(word) : '');
  const isTaken = invoice.settledAt !== null || invoice.heldAt !== null;
  const facts: [Word, string | null][] = [
    ['invoice.received', invoice.paidMsat === null ? null : msat(invoice.paidMsat)],
    ['invoice.made_at', exactly(invoice.madeAt)],
    ['invoice.expires', isTaken ? null : exactly(invoice.expiresAt)],
    ['invoice.held_at', invoice.heldAt === null ? null : exactly(invoice.heldAt)],
    ['invoice.paid_at', invoice.settledAt === null ? null : exactly(invoice.settledAt)],
    ['invoice.recorded', invoice.recordedAt === null ? null : exactly(invoice.recordedAt)],
    ['invoice.via', said(`invoice.via.${invoice.via ?? ''}`)],
    ['invoice.ending', said(`invoice.ending.${invoice.ending ?? ''}`)],
  ];
  return facts.flatMap(([word, is]) => (is === null || is === '' ? [] : [{ term: t(word), is }]));
}

/** The books: from an account to an account, msat printed as sats. */
export function Postings({ payment }: { payment: PaymentAnswer }) {
  const { t } = useWords();
  const { exactly, msat } = useAmounts(payment.timeZone);
  const { postings } = payment;
  const account = (name: string): string => {
    const word = `account.${name.split(':')[0] ?? ''}`;
    return isWord(word) ? t(word) : name;
  };
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('postings.title')}
        </Text>
        <Text as="p" tone="subdued">
          {t(postings.length === 0 ? 'postings.none' : 'postings.text')}
        </Text>
        {postings.length > 0 && (
          <PlainTable
            label={t('postings.title')}
            columns={[
              { heading: t('postings.at') },
              { heading: t('postings.from') },
              { heading: t('postings.to') },
              { heading: t('postings.sats'), isNumber: true },
            ]}
            rows={postings.map(({ at, from, to, amountMsat }, index) => [
              <time key={index} dateTime={at}>
                {exactly(at)}
              </time>,
              account(from),
              account(to),
              msat(amountMsat),
            ])}
          />
        )}
      </BlockStack>
    </Card>
  );
}
