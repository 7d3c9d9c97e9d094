// A payment as its buyer sees it: an invoice to be paid, or in words where the payment stands.
import type { Payment } from './answer.ts';
import { faceOf, payable, type Face } from './faces.ts';
import type { Host } from './host.ts';
import { InvoiceToPay } from './invoice-to-pay.tsx';

type Shown = { host: Host; payment: Payment };

export function PaymentFace({ host, payment, stale }: Shown & { stale: boolean }) {
  const invoice = payable(payment);
  if (invoice !== undefined) {
    return (
      <InvoiceToPay
        host={host}
        payment={payment}
        invoice={invoice}
        code={`lightning:${invoice.request.toUpperCase()}`}
        status={stale ? 'offline.short' : 'waiting'}
      />
    );
  }
  const face = faceOf(payment);
  return face.tone === 'live' ? (
    <UnderWay host={host} payment={payment} face={face} />
  ) : (
    <Standing host={host} payment={payment} face={face} />
  );
}

function wordsOf({ host, payment, face }: Shown & { face: Face }): { head: string; text: string } {
  const { holdEndsAt } = payment;
  const values = {
    ...{ shop: host.shopName, currency: payment.fiat?.currency ?? '' },
    time: holdEndsAt === undefined ? '' : host.moment(holdEndsAt),
  };
  return {
    head: host.say(`${face.words}.head`, values),
    text: host.say(`${face.words}.text`, values),
  };
}

function UnderWay(shown: Shown & { face: Face }) {
  const { head, text } = wordsOf(shown);
  return (
    <s-section heading={shown.host.say('heading')}>
      <s-stack gap="base">
        <s-stack gap="small-400" accessibilityRole="status">
          <s-stack direction="inline" gap="small-200" alignItems="center">
            <s-spinner size="small" />
            <s-text type="strong">{head}</s-text>
          </s-stack>
          <s-text>{text}</s-text>
        </s-stack>
        <PageButton {...shown} />
      </s-stack>
    </s-section>
  );
}

/** A banner is a live region by itself. */
function Standing(shown: Shown & { face: Face }) {
  const { host, payment, face } = shown;
  const { head, text } = wordsOf(shown);
  const { fiat, invoice, reference } = payment;
  return (
    <s-banner tone={face.tone === 'live' ? 'auto' : face.tone} heading={head}>
      <s-stack gap="small">
        <s-text>{text}</s-text>
        {isPaid(payment) && fiat !== undefined && invoice !== undefined && (
          <s-text type="strong">
            {host.say('both', { fiat: host.money(fiat), sats: host.sats(invoice.sats) })}
          </s-text>
        )}
        {face.withReference && reference !== undefined && (
          <s-text type="strong">{host.say('reference', { reference })}</s-text>
        )}
        {payment.refundUrl !== undefined && (
          <s-button variant="primary" href={payment.refundUrl} target="_blank">
            {host.say('refund')}
          </s-button>
        )}
        <Reward {...shown} />
        <PageButton {...shown} />
      </s-stack>
    </s-banner>
  );
}

/** Sats back: how many, and the way to them once it is open. */
function Reward({ host, payment }: Shown) {
  const { reward, payUrl } = payment;
  if (reward === undefined) return null;
  const href = reward.url ?? payUrl;
  return (
    <>
      <s-text>{host.say('reward', { sats: host.sats(reward.sats) })}</s-text>
      {href !== undefined && (
        <s-button variant="secondary" href={href} target="_blank">
          {host.say(reward.url === undefined ? 'open' : 'reward_claim')}
        </s-button>
      )}
    </>
  );
}

const isPaid = ({ state }: Payment): boolean => state === 'settled' || state === 'resolved';

function PageButton({ host, payment, face }: Shown & { face: Face }) {
  if (face.button === undefined || payment.payUrl === undefined) return null;
  return (
    <s-button
      variant={face.button === 'renew' ? 'primary' : 'secondary'}
      href={payment.payUrl}
      target="_blank"
    >
      {host.say(face.button)}
    </s-button>
  );
}
