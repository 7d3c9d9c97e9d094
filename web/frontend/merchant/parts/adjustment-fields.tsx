import { FormLayout, Select, TextField } from '@shopify/polaris';
import { useWords } from '../words.tsx';
import type { Adjustment } from './settings-draft.ts';
import { fieldId, type SettingsForm } from './use-settings-form.ts';

const ways: readonly Adjustment['way'][] = ['none', 'discount', 'markup'];

/** A discount or a markup for paying in bitcoin: which way, and then by how much. */
export function AdjustmentFields({ form }: { form: SettingsForm }) {
  const { t } = useWords();
  const { way, percent } = form.draft.priceAdjustmentBp;
  const error = form.errorOf('priceAdjustmentBp');
  const choose = (chosen: string): void => {
    const next = ways.find((one) => one === chosen) ?? 'none';
    const kept = next === 'none' ? '' : percent;
    form.change({ priceAdjustmentBp: { way: next, percent: kept } });
  };
  return (
    <FormLayout.Group>
      <Select
        label={t('settings.adjustment')}
        options={ways.map((value) => ({ value, label: t(`settings.adjustment.${value}`) }))}
        value={way}
        onChange={choose}
        helpText={t('settings.adjustment.help')}
      />
      {way !== 'none' && (
        <TextField
          id={fieldId('priceAdjustmentBp')}
          label={t('settings.adjustment.size')}
          value={percent}
          onChange={(text) => form.change({ priceAdjustmentBp: { way, percent: text } })}
          inputMode="decimal"
          suffix="%"
          autoComplete="off"
          {...(error === undefined ? {} : { error })}
        />
      )}
    </FormLayout.Group>
  );
}
