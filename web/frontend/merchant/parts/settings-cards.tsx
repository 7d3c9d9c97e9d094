import {
  BlockStack,
  Button,
  Card,
  ChoiceList,
  FormLayout,
  List,
  Select,
  Text,
  TextField,
} from '@shopify/polaris';
import { formatFiat } from '../../shared/amounts.ts';
import type { SettingsAnswer, SettingsKey } from '../../shared/settings-api.ts';
import { nameOfLanguage, pageLanguages, useWords, type Word } from '../words.tsx';
import { AloneFields } from './alone-fields.tsx';
import { AdjustmentFields } from './adjustment-fields.tsx';
import { paymentSettings } from './admin-links.ts';
import { LateFields } from './late-fields.tsx';
import { msatTyped, worthOf } from './settings-draft.ts';
import { fieldId, type SettingsForm } from './use-settings-form.ts';

export type CardProps = { form: SettingsForm; answer: SettingsAnswer };

/** A field of the draft that is a text, with its error beside it. */
type TextKey = Exclude<
  SettingsKey,
  | 'rateSources'
  | 'aloneMinutes'
  | 'priceAdjustmentBp'
  | 'buyerWords'
  | 'unpaidHours'
  | 'lateDriftBp'
  | 'language'
  | 'refundsOn'
  | 'refundPricing'
  | 'refundsWrong'
>;
export function useTextField(form: SettingsForm) {
  const { t } = useWords();
  return (key: TextKey, label: Word) => {
    const error = form.errorOf(key);
    return {
      id: fieldId(key),
      label: t(label),
      value: form.draft[key],
      onChange: (text: string) => form.change({ [key]: text }),
      autoComplete: 'off',
      ...(error === undefined ? {} : { error }),
    };
  };
}

export function MethodCard({ form }: CardProps) {
  const { t } = useWords();
  const field = useTextField(form);
  return (
    <Card>
      <BlockStack gap="400">
        <TextField
          {...field('methodName', 'settings.method.label')}
          maxLength={100}
          helpText={t('settings.method.help')}
        />
        <Text as="p">{t('settings.method.where')}</Text>
        <List type="number">
          <List.Item>{t('guide.method.step1')}</List.Item>
          <List.Item>{t('guide.method.step2', { method: form.draft.methodName.trim() })}</List.Item>
          <List.Item>{t('guide.method.step3')}</List.Item>
        </List>
        <div>
          <Button url={paymentSettings}>{t('open_payment_settings')}</Button>
        </div>
      </BlockStack>
    </Card>
  );
}

export function PriceCard({ form, answer }: CardProps) {
  const { t, locale } = useWords();
  const field = useTextField(form);
  const count = (value: number): string => new Intl.NumberFormat(locale).format(value);
  const { quoteSeconds, spreadLimitBp } = answer.usual;
  const error = form.errorOf('rateSources');
  return (
    <Card>
      <FormLayout>
        <TextField
          {...field('quoteSeconds', 'settings.life')}
          inputMode="numeric"
          suffix={t('settings.minutes')}
          placeholder={count(quoteSeconds / 60)}
          helpText={t('settings.life.help', { usual: count(quoteSeconds / 60) })}
        />
        <div id={fieldId('rateSources')}>
          <ChoiceList
            allowMultiple
            title={t('settings.sources')}
            choices={answer.sources.map((name) => ({ value: name, label: titled(name) }))}
            selected={[...form.draft.rateSources]}
            onChange={(rateSources) => form.change({ rateSources })}
            {...(error === undefined ? {} : { error })}
          />
          <Text as="p" tone="subdued">
            {t('settings.sources.help')}
          </Text>
        </div>
        <TextField
          {...field('spreadLimitBp', 'settings.spread')}
          inputMode="decimal"
          suffix="%"
          placeholder={count(spreadLimitBp / 100)}
          helpText={t('settings.spread.help', { usual: count(spreadLimitBp / 100) })}
        />
        <AloneFields form={form} usualDriftBp={answer.usual.aloneDriftBp} />
        <AdjustmentFields form={form} />
      </FormLayout>
    </Card>
  );
}

const titled = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

export function AmountsCard({ form, answer }: CardProps) {
  const { t, locale } = useWords();
  const field = useTextField(form);
  const { price } = answer;
  const hint = (key: 'smallestMsat' | 'largestMsat', otherwise: Word): string => {
    const msat = form.draft[key].trim() === '' ? undefined : msatTyped(form.draft[key]);
    if (msat === undefined) return t(otherwise);
    if (price === null) return t('settings.amount.no_price');
    const amount = worthOf(msat, price.perBtcE8);
    const worth = formatFiat({ amount, currency: price.currency }, locale);
    return t('settings.amount.worth', { worth });
  };
  return (
    <Card>
      <FormLayout>
        <FormLayout.Group>
          <TextField
            {...field('smallestMsat', 'settings.smallest')}
            inputMode="numeric"
            suffix="sats"
            helpText={hint('smallestMsat', 'settings.smallest.none')}
          />
          <TextField
            {...field('largestMsat', 'settings.largest')}
            inputMode="numeric"
            suffix="sats"
            helpText={hint('largestMsat', 'settings.largest.none')}
          />
        </FormLayout.Group>
      </FormLayout>
    </Card>
  );
}

export function WordsCard({ form, answer }: CardProps) {
  const { t, locale } = useWords();
  const error = form.errorOf('buyerWords');
  return (
    <Card>
      <div id={fieldId('buyerWords')}>
        <FormLayout>
          {answer.buyerLanguages.map((spoken) => (
            <TextField
              key={spoken}
              id={`zt-words-${spoken}`}
              label={t('settings.words.in', { language: nameOfLanguage(spoken, locale) })}
              value={form.draft.buyerWords[spoken] ?? ''}
              onChange={(text) =>
                form.change({ buyerWords: { ...form.draft.buyerWords, [spoken]: text } })
              }
              multiline={2}
              maxLength={280}
              showCharacterCount
              autoComplete="off"
              {...(error === undefined ? {} : { error })}
            />
          ))}
        </FormLayout>
      </div>
    </Card>
  );
}

/** What the field holds when a merchant first chooses that orders are cancelled. */
const usualHours = '24';

export function PolicyCard({ form }: CardProps) {
  const { t } = useWords();
  const { unpaidHours } = form.draft;
  const error = form.errorOf('unpaidHours');
  const choose = ([choice]: string[]): void => {
    form.change({ unpaidHours: choice === 'cancel' ? (unpaidHours ?? usualHours) : undefined });
  };
  return (
    <Card>
      <BlockStack gap="400">
        <ChoiceList
          title={t('settings.policy.what')}
          choices={[
            {
              value: 'leave',
              label: t('settings.policy.leave'),
              helpText: t('settings.policy.leave.help'),
            },
            {
              value: 'cancel',
              label: t('settings.policy.cancel'),
              helpText: t('settings.policy.cancel.help'),
            },
          ]}
          selected={[unpaidHours === undefined ? 'leave' : 'cancel']}
          onChange={choose}
        />
        {unpaidHours !== undefined && (
          <TextField
            id={fieldId('unpaidHours')}
            label={t('settings.policy.after')}
            value={unpaidHours}
            onChange={(text) => form.change({ unpaidHours: text })}
            inputMode="numeric"
            suffix={t('settings.hours')}
            autoComplete="off"
            {...(error === undefined ? {} : { error })}
          />
        )}
        <LateFields form={form} />
      </BlockStack>
    </Card>
  );
}

export function LanguageCard({ form }: CardProps) {
  const { t, locale } = useWords();
  const error = form.errorOf('language');
  return (
    <Card>
      <Select
        id={fieldId('language')}
        label={t('settings.language.label')}
        options={[
          { value: '', label: t('settings.language.shopify') },
          ...pageLanguages.map((spoken) => ({
            value: spoken,
            label: nameOfLanguage(spoken, locale),
          })),
        ]}
        value={form.draft.language}
        onChange={(language) => form.change({ language })}
        {...(error === undefined ? {} : { error })}
      />
    </Card>
  );
}
