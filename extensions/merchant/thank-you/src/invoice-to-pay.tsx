// An invoice that can be paid: what it costs and until when, the way to our page (which opens a
// wallet on the same phone), the code for another phone, the text for whoever pays by hand.
import { useState } from 'preact/hooks';
import type { Invoice, Payment } from './answer.ts';
import type { Host } from './host.ts';

type Bill = {
  host: Host;
  payment: Pick<Payment, 'fiat' | 'payUrl' | 'test' | 'holdEndsAt'>;
  invoice: Invoice & { request: string };
  /** What the code holds. */
  code: string;
  /** The key of the sentence at the end. A spinner stands beside it while we wait. */
  status: 'waiting' | 'offline.short' | 'sample.text';
};

export function InvoiceToPay(bill: Bill) {
  const { host, payment, status } = bill;
  const { say } = host;
  return (
    <s-section heading={say('heading')}>
      <s-stack gap="base">
        {payment.test && <s-badge>{say('test')}</s-badge>}
        <Price {...bill} />
        <Confirm {...bill} />
        <PayHere {...bill} />
        <Code {...bill} />
        <Copy {...bill} />
        <s-stack
          direction="inline"
          gap="small-200"
          alignItems="center"
          justifyContent="center"
          accessibilityRole="status"
        >
          {status === 'waiting' && <s-spinner size="small" />}
          <s-text color="subdued">{say(status)}</s-text>
        </s-stack>
      </s-stack>
    </s-section>
  );
}

function Price({ host, payment, invoice }: Bill) {
  const { say, time } = host;
  const sats = host.sats(invoice.sats);
  const { fiat } = payment;
  return (
    <s-stack gap="small-400">
      <s-text type="strong">
        {fiat === undefined ? say('sats', { sats }) : say('both', { fiat: host.money(fiat), sats })}
      </s-text>
      <Adjustment host={host} invoice={invoice} />
      <s-text color="subdued">{say('until', { time: time(invoice.lapsesAt) })}</s-text>
    </s-stack>
  );
}

/** The shop's own discount or markup is in the sats, and nowhere hidden. */
function Adjustment({ host, invoice: { adjustmentBp = 0 } }: Pick<Bill, 'host' | 'invoice'>) {
  if (adjustmentBp === 0) return null;
  const percent = host.percent(Math.abs(adjustmentBp));
  return <s-text>{host.say(adjustmentBp < 0 ? 'discount' : 'markup', { percent })}</s-text>;
}

/** Said before the money goes: it may come back. */
function Confirm({ host, payment: { holdEndsAt } }: Bill) {
  if (holdEndsAt === undefined) return null;
  return (
    <s-text>{host.say('confirm', { shop: host.shopName, time: host.moment(holdEndsAt) })}</s-text>
  );
}

function PayHere({ host, payment }: Bill) {
  const { payUrl } = payment;
  const words = host.say('pay');
  if (payUrl === undefined) {
    return (
      <s-button variant="primary" inlineSize="fill" disabled>
        {words}
      </s-button>
    );
  }
  return (
    <s-button variant="primary" inlineSize="fill" href={payUrl} target="_blank">
      {words}
    </s-button>
  );
}

function Code({ host, invoice, code }: Bill) {
  const [failed, setFailed] = useState('');
  const { say, sats } = host;
  if (failed === code) return <s-text>{say('qr_failed')}</s-text>;
  return (
    <s-stack gap="small-200" alignItems="center">
      <s-qr-code
        content={code}
        accessibilityLabel={say('qr', { sats: sats(invoice.sats) })}
        onError={() => {
          setFailed(code);
        }}
      />
      <s-text color="subdued">{say('scan')}</s-text>
    </s-stack>
  );
}

function Copy({ host, invoice }: Bill) {
  const [done, setDone] = useState({ request: '', word: '' });
  const { request } = invoice;
  const word = done.request === request ? done.word : '';
  return (
    <s-stack gap="small-200">
      <s-button
        variant="secondary"
        inlineSize="fill"
        command="--copy"
        commandFor="zaptill-invoice"
        disabled={request === ''}
      >
        {host.say(word === 'copied' ? 'copied' : 'copy')}
      </s-button>
      <s-clipboard-item
        id="zaptill-invoice"
        text={request}
        onCopy={() => {
          setDone({ request, word: 'copied' });
        }}
        onCopyError={() => {
          setDone({ request, word: 'copy_failed' });
        }}
      />
      {/* A button's changed name is not read out by itself. */}
      <s-stack accessibilityRole="status">
        {word === 'copied' && (
          <s-text accessibilityVisibility="exclusive">{host.say('copied')}</s-text>
        )}
        {word === 'copy_failed' && <s-text>{host.say('copy_failed')}</s-text>}
      </s-stack>
    </s-stack>
  );
}
