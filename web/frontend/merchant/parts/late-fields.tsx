import { Checkbox, TextField } from '@shopify/polaris';
import { useWords } from '../words.tsx';
import { fieldId, type SettingsForm } from './use-settings-form.ts';

/** What the field holds when a merchant first lets late money be taken. */
const usualDrift = '3';

/** Whether money that comes late is taken for an order that still stands, and at which worth. */
export function LateFields({ form }: { form: SettingsForm }) {
  const { t } = useWords();
  const { lateDriftBp } = form.draft;
  const error = form.errorOf('lateDriftBp');
  return (
    <>
      <Checkbox
        label={t('settings.late')}
        helpText={t('settings.late.help')}
        checked={lateDriftBp !== undefined}
        onChange={(checked) => form.change({ lateDriftBp: checked ? usualDrift : undefined })}
      />
      {lateDriftBp !== undefined && (
        <TextField
          id={fieldId('lateDriftBp')}
          label={t('settings.late.drift')}
          helpText={t('settings.late.drift.help')}
          value={lateDriftBp}
          onChange={(text) => form.change({ lateDriftBp: text })}
          inputMode="decimal"
          suffix="%"
          autoComplete="off"
          {...(error === undefined ? {} : { error })}
        />
      )}
    </>
  );
}
