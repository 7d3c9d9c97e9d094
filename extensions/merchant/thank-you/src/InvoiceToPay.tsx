// An invoice that can be paid: what it costs and until when, the way to our page (which opens a
// wallet on the same phone), the code for another phone, the text for whoever pays by hand.
import { useState } from 'preact/hooks';
import type { Payment } from './answer.ts';
import type { Host } from './host.ts';

type Bill = {
  host: Host;
  payment: Pick<Payment, 'fiat' | 'payUrl' | 'test'>;
  invoice: { request: string; sats: string; lapsesAt: string };
  /** What the code holds. */
  code: string;
  /** The key of the sentence beside the spinner. */
  status: string;
};

export function InvoiceToPay(bill: Bill) {
  const { host, payment, status } = bill;
  const { say } = host;
  return (
    <s-section heading={say('heading')}>
      <s-stack gap="base">
        {payment.test && <s-badge>{say('test')}</s-badge>}
        <Price {...bill} />
        {payment.payUrl !== undefined && (
          <s-button variant="primary" inlineSize="fill" href={payment.payUrl} target="_blank">
            {say('pay')}
          </s-button>
        )}
        <Code {...bill} />
        <Copy {...bill} />
        <s-stack
          direction="inline"
          gap="small-200"
          alignItems="center"
          justifyContent="center"
          accessibilityRole="status"
        >
          <s-spinner size="small" />
          <s-text color="subdued">{say(status)}</s-text>
        </s-stack>
      </s-stack>
    </s-section>
  );
}

function Price({ host, payment, invoice }: Bill) {
  const { say, sats, money, time } = host;
  return (
    <s-stack gap="small-400">
      {payment.fiat !== undefined && <s-heading>{money(payment.fiat)}</s-heading>}
      <s-text type="strong">{say('sats', { sats: sats(invoice.sats) })}</s-text>
      <s-text color="subdued">{say('until', { time: time(invoice.lapsesAt) })}</s-text>
    </s-stack>
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
  const word = done.request === request ? done.word : 'copy';
  return (
    <s-stack gap="small-200">
      <s-button
        variant="secondary"
        inlineSize="fill"
        command="--copy"
        commandFor="zaptill-invoice"
        disabled={request === ''}
      >
        {host.say(word)}
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
    </s-stack>
  );
}
