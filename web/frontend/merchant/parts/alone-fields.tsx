import { FormLayout, Select, TextField } from '@shopify/polaris';
import { useWords } from '../words.tsx';
import { fieldId, type SettingsForm } from './use-settings-form.ts';

/** What the field holds when a merchant first lets a source speak alone. */
const usualMinutes = '10';

/** What happens while the sources do not agree: no price, or one source for a while. */
export function AloneFields({ form, usualDriftBp }: { form: SettingsForm; usualDriftBp: number }) {
  const { t, locale } = useWords();
  const { aloneMinutes, aloneDriftBp } = form.draft;
  const usual = new Intl.NumberFormat(locale).format(usualDriftBp / 100);
  const choose = (way: string): void => {
    const none = { aloneMinutes: undefined, aloneDriftBp: '' };
    form.change(way === 'widen' ? { aloneMinutes: aloneMinutes ?? usualMinutes } : none);
  };
  const faultOf = (key: 'aloneMinutes' | 'aloneDriftBp') => {
    const error = form.errorOf(key);
    return error === undefined ? {} : { error };
  };
  return (
    <FormLayout>
      <Select
        label={t('settings.alone')}
        options={(['pause', 'widen'] as const).map((value) => ({
          value,
          label: t(`settings.alone.${value}`),
        }))}
        value={aloneMinutes === undefined ? 'pause' : 'widen'}
        onChange={choose}
        helpText={t(aloneMinutes === undefined ? 'settings.alone.none' : 'settings.alone.help')}
      />
      {aloneMinutes !== undefined && (
        <FormLayout.Group>
          <TextField
            id={fieldId('aloneMinutes')}
            label={t('settings.alone.minutes')}
            value={aloneMinutes}
            onChange={(text) => form.change({ aloneMinutes: text })}
            inputMode="numeric"
            suffix={t('settings.minutes')}
            autoComplete="off"
            {...faultOf('aloneMinutes')}
          />
          <TextField
            id={fieldId('aloneDriftBp')}
            label={t('settings.alone.drift')}
            value={aloneDriftBp}
            onChange={(text) => form.change({ aloneDriftBp: text })}
            inputMode="decimal"
            suffix="%"
            placeholder={usual}
            helpText={t('settings.alone.drift.help', { usual })}
            autoComplete="off"
            {...faultOf('aloneDriftBp')}
          />
        </FormLayout.Group>
      )}
    </FormLayout>
  );
}
