// The block: follows the payment of the page's order and shows where it stands. An order that is
// not ours has no block at all; a payment that is shown stays while nobody can be reached.
import { useEffect, useState } from 'preact/hooks';
import type { Payment } from './answer.ts';
import type { Answer } from './ask.ts';
import { follow } from './follow.ts';
import type { Host } from './host.ts';
import { InvoiceToPay } from './invoice-to-pay.tsx';
import { PaymentFace } from './payment-face.tsx';

type Seen = { answer: Answer; looks: number; payment?: Payment };

/** After so many looks the buyer hears that waiting here is not needed. */
const patientLooks = 15;

export function Block({ host }: { host: Host }) {
  if (host.inEditor) return <Sample host={host} />;
  return <Followed host={host} />;
}

function Followed({ host }: { host: Host }) {
  const [seen, setSeen] = useState<Seen>();
  useEffect(
    () =>
      follow(host, (answer, { looks }) => {
        setSeen((before) => {
          const payment = answer.at === 'payment' ? answer.payment : before?.payment;
          return { answer, looks, ...(payment === undefined ? {} : { payment }) };
        });
      }),
    [],
  );
  if (seen === undefined) return host.likelyOurs() ? <s-skeleton-paragraph /> : null;
  if (seen.answer.at === 'not_ours') return null;
  if (seen.payment !== undefined) {
    const stale = seen.answer.at !== 'payment';
    return <PaymentFace host={host} payment={seen.payment} stale={stale} />;
  }
  return host.likelyOurs() ? <Nothing host={host} seen={seen} /> : null;
}

/** There is no payment to show yet. */
function Nothing({ host, seen }: { host: Host; seen: Seen }) {
  const { say, shopName } = host;
  if (seen.answer.at === 'not_yet') {
    const text = seen.looks < patientLooks ? 'soon' : host.slow;
    return (
      <s-section heading={say('heading')}>
        <s-stack gap="base" accessibilityRole="status">
          <s-text>{say(text)}</s-text>
          <s-skeleton-paragraph />
        </s-stack>
      </s-section>
    );
  }
  const shopAway = seen.answer.at === 'shop_unreachable';
  const words = shopAway ? 'refusal.shop_unreachable' : 'offline';
  return (
    <s-banner tone="warning" heading={say(`${words}.head`)}>
      <s-text>{say(`${words}.text`, { shop: shopName })}</s-text>
    </s-banner>
  );
}

/**
 * What a merchant sees while placing the block, since an empty one looks broken. Nothing can be
 * paid here, the code says so, and nobody is asked.
 */
function Sample({ host }: { host: Host }) {
  const lapsesAt = new Date(2030, 0, 1, 14, 5).toISOString();
  return (
    <InvoiceToPay
      host={host}
      payment={{ fiat: { amount: '12.00', currency: 'EUR' }, test: false }}
      invoice={{ request: '', sats: '12345', lapsesAt }}
      code={host.say('sample.code')}
      status="sample.text"
    />
  );
}
