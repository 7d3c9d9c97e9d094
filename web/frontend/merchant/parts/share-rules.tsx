import {
  BlockStack,
  Button,
  Card,
  FormLayout,
  InlineStack,
  Select,
  Text,
  TextField,
} from '@shopify/polaris';
import { useState } from 'react';
import type { ShareRuleShown, ShareRuleWish, SharesAnswer } from '../../shared/shares-api.ts';
import { useWords } from '../words.tsx';
import { PlainTable } from './plain-table.tsx';
import { useAmounts } from './use-amounts.ts';
import { useChangingShares } from './use-changing-shares.tsx';

type Props = { answer: SharesAnswer; onChanged: () => void };

/** Who gets how much of what. A rule is never changed: it is ended, and another one is made. */
export function ShareRules({ answer, onChanged }: Props) {
  const { t } = useWords();
  const [isOpen, setOpen] = useState(false);
  return (
    <Card>
      <BlockStack gap="400">
        <InlineStack align="space-between" blockAlign="center">
          <Text as="h2" variant="headingMd">
            {t('shares.rules')}
          </Text>
          {!isOpen && <Button onClick={() => setOpen(true)}>{t('shares.add')}</Button>}
        </InlineStack>
        {answer.rules.length === 0 && !isOpen && (
          <Text as="p" tone="subdued">
            {t('shares.no_rules')}
          </Text>
        )}
        {answer.rules.length > 0 && <Rules rules={answer.rules} onChanged={onChanged} />}
        {isOpen && <NewRule onChanged={onChanged} onClose={() => setOpen(false)} />}
      </BlockStack>
    </Card>
  );
}

function Rules(props: { rules: readonly ShareRuleShown[]; onChanged: () => void }) {
  const { t, locale } = useWords();
  const { sats } = useAmounts();
  const { isSaving, says, change } = useChangingShares(props.onChanged);
  // A percentage is no money: two digits after the point are exact enough in any number.
  const inWords = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const end = (id: string): void => {
    void change({ path: `/api/shares/rules/${id}/end`, body: {}, done: t('shares.ended') });
  };
  return (
    <BlockStack gap="200">
      {says}
      <PlainTable
        label={t('shares.rules')}
        columns={[
          { heading: t('shares.who') },
          { heading: t('shares.of_what') },
          { heading: t('shares.how_much'), isNumber: true },
          { heading: t('shares.act') },
        ]}
        rows={props.rules.map(({ id, name, address, vendor, amount }) => [
          <BlockStack key="who">
            <span>{name}</span>
            <Text as="span" tone="subdued" breakWord>
              {address}
            </Text>
          </BlockStack>,
          vendor === null ? t('shares.whole') : t('shares.vendor_named', { vendor }),
          amount.kind === 'part'
            ? t('shares.percent', { percent: inWords.format(Number(amount.percent)) })
            : sats(amount.sats),
          <Button
            key="end"
            variant="tertiary"
            tone="critical"
            disabled={isSaving}
            accessibilityLabel={t('shares.end_of', { name })}
            onClick={() => end(id)}
          >
            {t('shares.end')}
          </Button>,
        ])}
      />
    </BlockStack>
  );
}

const blank: ShareRuleWish = { name: '', address: '', vendor: '', kind: 'part', amount: '' };

function NewRule(props: { onChanged: () => void; onClose: () => void }) {
  const { t } = useWords();
  const [wish, setWish] = useState(blank);
  const { isSaving, says, change } = useChangingShares(props.onChanged);
  const set = (more: Partial<ShareRuleWish>): void => setWish({ ...wish, ...more });
  const save = async (): Promise<void> => {
    const made = { path: '/api/shares/rules', body: wish, done: t('shares.added') };
    if (await change(made)) props.onClose();
  };
  return (
    <FormLayout>
      <FormLayout.Group>
        <TextField
          label={t('shares.name')}
          value={wish.name}
          onChange={(name) => set({ name })}
          maxLength={100}
          autoComplete="off"
        />
        <TextField
          label={t('shares.address')}
          helpText={t('shares.address.text')}
          value={wish.address}
          onChange={(address) => set({ address })}
          placeholder="name@example.com"
          autoComplete="off"
        />
      </FormLayout.Group>
      <FormLayout.Group>
        <Select
          label={t('shares.kind')}
          options={[
            { value: 'part', label: t('shares.kind.part') },
            { value: 'fixed', label: t('shares.kind.fixed') },
          ]}
          value={wish.kind}
          onChange={(kind) => set({ kind: kind === 'fixed' ? 'fixed' : 'part' })}
        />
        <TextField
          label={t('shares.how_much')}
          value={wish.amount}
          onChange={(amount) => set({ amount })}
          inputMode="decimal"
          suffix={wish.kind === 'part' ? '%' : 'sats'}
          autoComplete="off"
        />
      </FormLayout.Group>
      <TextField
        label={t('shares.vendor')}
        helpText={t('shares.vendor.text')}
        value={wish.vendor}
        onChange={(vendor) => set({ vendor })}
        maxLength={255}
        autoComplete="off"
      />
      {says}
      <InlineStack gap="200" align="end">
        <Button onClick={props.onClose}>{t('cancel')}</Button>
        <Button variant="primary" loading={isSaving} onClick={() => void save()}>
          {t('shares.add')}
        </Button>
      </InlineStack>
    </FormLayout>
  );
}
