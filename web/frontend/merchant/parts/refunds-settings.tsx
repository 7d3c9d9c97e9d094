import { BlockStack, Card, Checkbox, ChoiceList, FormLayout, TextField } from '@shopify/polaris';
import type { SettingsShape } from '../../shared/settings-api.ts';
import { useWords } from '../words.tsx';
import type { CardProps } from './settings-cards.tsx';
import { useTextField } from './settings-cards.tsx';
import { fieldId } from './use-settings-form.ts';

const pricings = ['fiat_today', 'sats_paid', 'lower'] as const satisfies readonly NonNullable<
  SettingsShape['refundPricing']
>[];

/** Whether refunds go out by Lightning, what they are worth, and which a person looks at. */
export function RefundsSettings({ form }: CardProps) {
  const { t } = useWords();
  const field = useTextField(form);
  const { refundsOn, refundPricing, refundsWrong } = form.draft;
  return (
    <Card>
      <BlockStack gap="400">
        <Checkbox
          id={fieldId('refundsOn')}
          label={t('settings.refunds.on')}
          helpText={t('settings.refunds.on.help')}
          checked={refundsOn}
          onChange={(checked) => form.change({ refundsOn: checked })}
        />
        {refundsOn && (
          <FormLayout>
            <div id={fieldId('refundPricing')}>
              <ChoiceList
                title={t('settings.refunds.pricing')}
                choices={pricings.map((value) => ({
                  value,
                  label: t(`settings.refunds.${value}`),
                  helpText: t(`settings.refunds.${value}.help`),
                }))}
                selected={[refundPricing]}
                onChange={([chosen]) => {
                  const next = pricings.find((each) => each === chosen);
                  if (next !== undefined) form.change({ refundPricing: next });
                }}
              />
            </div>
            <TextField
              {...field('refundClaimDays', 'settings.refunds.days')}
              inputMode="numeric"
              suffix={t('settings.days')}
            />
            <TextField
              {...field('refundApprovalMsat', 'settings.refunds.approval')}
              inputMode="numeric"
              suffix="sats"
              placeholder="150000"
              helpText={t('settings.refunds.approval.help')}
            />
            <Checkbox
              id={fieldId('refundsWrong')}
              label={t('settings.refunds.wrong')}
              helpText={t('settings.refunds.wrong.help')}
              checked={refundsWrong}
              onChange={(checked) => form.change({ refundsWrong: checked })}
            />
          </FormLayout>
        )}
      </BlockStack>
    </Card>
  );
}
