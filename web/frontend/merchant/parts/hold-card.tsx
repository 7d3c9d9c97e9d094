import { BlockStack, Card, InlineStack, Text } from '@shopify/polaris';
import type { HoldShown } from '../../shared/holds-api.ts';
import type { PaymentAnswer } from '../../shared/merchant-api.ts';
import { Told, useWords, type Word } from '../words.tsx';
import { Opener } from './opener.tsx';
import { SayDialog } from './say-dialog.tsx';
import { useAmounts } from './use-amounts.ts';
import { useNow } from './use-now.ts';

type Shown = { payment: PaymentAnswer; hold: HoldShown; onAsked: () => void };

/** What the node holds for the order, until when, and the two things that can become of it. */
export function HoldCard({ payment, hold, onAsked }: Shown) {
  const { t, locale } = useWords();
  const { msat, when } = useAmounts(payment.timeZone);
  const now = useNow();
  const { state } = payment;
  if (state !== 'held' && hold.outcome === null) return null;
  const amount = msat(hold.amountMsat);
  const hours = (Date.parse(hold.endsAt) - now) / 3_600_000;
  const left = new Intl.RelativeTimeFormat(locale, { numeric: 'always' });
  const until =
    hours < 1
      ? left.format(Math.max(0, Math.floor(hours * 60)), 'minute')
      : left.format(Math.floor(hours), 'hour');
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('hold.title')}
        </Text>
        {state === 'held' && (
          <>
            <Text as="p" variant="headingXl" numeric breakWord>
              {amount}
            </Text>
            <Text as="p">{t('hold.until', { time: when(hold.endsAt), left: until })}</Text>
            <Text as="p" tone="subdued">
              {t('hold.text')}
            </Text>
          </>
        )}
        {state === 'held' && hold.asked !== null && (
          <div role="status">
            <Text as="p" fontWeight="medium">
              {t(wordOf(hold))}
            </Text>
          </div>
        )}
        {state === 'held' && hold.isStuck && (
          <InlineStack>
            <Ask what="let_go" {...{ payment, amount, onAsked }} />
          </InlineStack>
        )}
        {hold.outcome !== null && (
          <Text as="p">
            <Told code={`hold.outcome.${hold.outcome.word}`} sentence={hold.outcome.sentence} />
          </Text>
        )}
        {state === 'held' && hold.asked === null && (
          <InlineStack gap="300">
            <Ask what="charge" {...{ payment, amount, onAsked }} />
            <Ask what="let_go" {...{ payment, amount, onAsked }} />
          </InlineStack>
        )}
      </BlockStack>
    </Card>
  );
}

const wordOf = ({ asked, isStuck }: HoldShown): Word => {
  if (isStuck) return 'hold.stuck';
  return asked === 'charge' ? 'hold.charging' : 'hold.letting_go';
};

function Ask(props: Omit<Shown, 'hold'> & { what: 'charge' | 'let_go'; amount: string }) {
  const { t } = useWords();
  const { what, payment, amount, onAsked } = props;
  const values = { order: payment.orderName, amount };
  return (
    <Opener
      words={t(`hold.${what}`)}
      variant={what === 'charge' ? 'primary' : 'secondary'}
      onEnded={onAsked}
      dialog={({ isOpen, activator, close, end }) => (
        <SayDialog
          {...{ isOpen, activator }}
          onClose={close}
          title={t(`hold.${what}.title`, values)}
          action={t(`hold.${what}`)}
          destructive={what === 'let_go'}
          failed={t('hold.failed')}
          words="hold.refused"
          path={`/api/payments/${payment.id}/hold`}
          body={{ do: what }}
          done={t(`hold.${what}.done`, values)}
          onSaid={end}
        >
          <Text as="p">{t(`hold.${what}.ask`, values)}</Text>
        </SayDialog>
      )}
    />
  );
}
