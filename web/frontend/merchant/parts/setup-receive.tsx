import { BlockStack, Button, Text } from '@shopify/polaris';
import type { SetupAnswer } from '../../shared/setup-api.ts';
import type { Looking } from '../pages/setup.tsx';
import { useWords } from '../words.tsx';
import { Facts } from './facts.tsx';
import { Failed } from './failed.tsx';
import { useAmounts } from './use-amounts.ts';
import { useCounted } from './use-counted.ts';

/** What can come in at the moment, and what to do when it is too little. */
export function SetupReceive({ setup, looking }: { setup: SetupAnswer; looking: Looking }) {
  const { t } = useWords();
  const { msat, count } = useAmounts();
  const counted = useCounted();
  const { node, receive } = setup;
  if (node === null) return <Text as="p">{t('setup.receive.no_node')}</Text>;
  const { receivableMsat, largestPartMsat, channels } = node;
  const shown = (amount: string | null): string =>
    amount === null ? t('not_known') : msat(amount);
  const facts = [
    { term: t('setup.receive.total'), is: shown(receivableMsat) },
    { term: t('setup.receive.largest'), is: shown(largestPartMsat) },
    {
      term: t('node.channels'),
      is:
        channels === null
          ? t('not_known')
          : t('node.channels.of', { active: count(channels.active), all: count(channels.all) }),
    },
  ];
  return (
    <BlockStack gap="300">
      <Facts facts={facts} />
      <Advice receive={receive} />
      {receive.inactive > 0 && receive.because !== 'none_active' && (
        <Text as="p" tone="subdued">
          {counted('setup.receive.inactive', receive.inactive)}
        </Text>
      )}
      {looking.trouble !== undefined && (
        <Failed title={t('node.failed')} trouble={looking.trouble} />
      )}
      <div>
        <Button loading={looking.isLooking} onClick={() => void looking.look()}>
          {t('setup.receive.again')}
        </Button>
      </div>
    </BlockStack>
  );
}

function Advice({ receive }: Pick<SetupAnswer, 'receive'>) {
  const { t } = useWords();
  const { state, because } = receive;
  if (state === 'no_node') return null;
  return (
    <>
      <Text as="p" fontWeight={state === 'nothing' ? 'semibold' : 'regular'}>
        {t(`setup.receive.${state}`)}
      </Text>
      {because !== null && <Text as="p">{t(`setup.receive.${because}`)}</Text>}
    </>
  );
}
