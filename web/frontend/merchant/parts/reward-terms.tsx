import {
  Banner,
  BlockStack,
  Button,
  Card,
  Checkbox,
  FormLayout,
  InlineStack,
  Link,
  Text,
  TextField,
} from '@shopify/polaris';
import { useState } from 'react';
import type { RewardsAnswer, RewardTermsWish } from '../../shared/rewards-api.ts';
import { useApi } from '../use-api.ts';
import { useWords } from '../words.tsx';
import { Failed } from './failed.tsx';
import { useChangingShares } from './use-changing-shares.tsx';

const fields = [
  { name: 'percent', suffix: '%', mode: 'decimal' },
  { name: 'mostSats', suffix: 'sats', mode: 'numeric' },
  { name: 'leastSats', suffix: 'sats', mode: 'numeric' },
  { name: 'waitDays', suffix: undefined, mode: 'numeric' },
  { name: 'claimDays', suffix: undefined, mode: 'numeric' },
] as const;

/** Sats back for buyers: whether there are any, how much, and when. */
export function RewardTermsCard() {
  const { t } = useWords();
  const { value, trouble, again } = useApi<RewardsAnswer>('/api/rewards');
  if (value === undefined) {
    if (trouble === undefined) return null;
    return <Failed title={t('rewards.failed')} trouble={trouble} again={again} />;
  }
  return <Loaded answer={value} onChanged={again} />;
}

function Loaded({ answer, onChanged }: { answer: RewardsAnswer; onChanged: () => void }) {
  const { t } = useWords();
  const { canPay, ...terms } = answer;
  /** Undefined: nothing was changed here since the last answer. */
  const [draft, setDraft] = useState<RewardTermsWish>();
  const { isSaving, says, change } = useChangingShares(onChanged, 'reward');
  const shown = draft ?? terms;
  const save = async (): Promise<void> => {
    const wish = { path: '/api/rewards/terms', body: shown, done: t('shares.saved') };
    if (await change(wish)) setDraft(undefined);
  };
  return (
    <Card>
      <BlockStack gap="400">
        <BlockStack gap="200">
          <Text as="h2" variant="headingMd">
            {t('rewards.title')}
          </Text>
          <Text as="p" tone="subdued">
            {t('rewards.text')} <Link url="/refunds">{t('rewards.where')}</Link>
          </Text>
        </BlockStack>
        {shown.isOn && !canPay && (
          <Banner tone="warning">
            <p>{t('rewards.no_purse')}</p>
          </Banner>
        )}
        <Checkbox
          label={t('rewards.on')}
          helpText={t('rewards.on.text')}
          checked={shown.isOn}
          onChange={(checked) => setDraft({ ...shown, isOn: checked })}
        />
        <FormLayout>
          {fields.map(({ name, suffix, mode }) => (
            <TextField
              key={name}
              label={t(`rewards.${name}`)}
              helpText={t(`rewards.${name}.text`)}
              value={shown[name]}
              onChange={(typed) => setDraft({ ...shown, [name]: typed })}
              inputMode={mode}
              autoComplete="off"
              suffix={suffix ?? t('rewards.days')}
            />
          ))}
        </FormLayout>
        <Text as="p" tone="subdued">
          {t('rewards.refunds')}
        </Text>
        {says}
        <InlineStack align="end">
          <Button
            variant="primary"
            disabled={draft === undefined}
            loading={isSaving}
            onClick={() => void save()}
            accessibilityLabel={t('rewards.save')}
          >
            {t('save')}
          </Button>
        </InlineStack>
      </BlockStack>
    </Card>
  );
}
