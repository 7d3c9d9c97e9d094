import { Text } from '@shopify/polaris';
import { useWords } from '../words.tsx';
import { useAmounts } from './use-amounts.ts';

/** When it was seen to work for the first time, or what is waited for. */
export function SeenAt({ at, waiting }: { at: string | null; waiting: string }) {
  const { t } = useWords();
  const { when } = useAmounts();
  return (
    <Text as="p" tone={at === null ? 'subdued' : 'success'}>
      {at === null ? waiting : t('setup.seen', { when: when(at) })}
    </Text>
  );
}
