import { SaveBar } from '@shopify/app-bridge-react';
import { Banner, BlockStack, Box, Form, InlineGrid, Page, Text } from '@shopify/polaris';
import type { ReactNode } from 'react';
import type { SettingsAnswer, SettingsKey } from '../../shared/settings-api.ts';
import { AlertsCard } from '../parts/alerts-card.tsx';
import { CheckoutCard } from '../parts/checkout-card.tsx';
import { Failed } from '../parts/failed.tsx';
import {
  AmountsCard,
  LanguageCard,
  MethodCard,
  PolicyCard,
  PriceCard,
  WordsCard,
} from '../parts/settings-cards.tsx';
import { HoldsCard } from '../parts/holds-card.tsx';
import { RefundsSettings } from '../parts/refunds-settings.tsx';
import { useBlocks } from '../parts/use-blocks.ts';
import { useSettingsForm, type Overtaken, type SettingsForm } from '../parts/use-settings-form.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi } from '../use-api.ts';
import { useWords, type Word } from '../words.tsx';

export default function Settings() {
  const { t } = useWords();
  const settings = useApi<SettingsAnswer>('/api/settings');
  const { value, trouble } = settings;
  if (value === undefined) {
    if (trouble === undefined) return <WaitingPage title={t('nav.settings')} lines={[6, 8, 4]} />;
    return (
      <Page title={t('nav.settings')}>
        <Failed title={t('settings.failed')} trouble={trouble} again={settings.again} />
      </Page>
    );
  }
  // The form keeps what is typed: a later reading does not write over it.
  return <SettingsPage answer={value} />;
}

function SettingsPage({ answer }: { answer: SettingsAnswer }) {
  const { t } = useWords();
  const { blocks } = useBlocks();
  const form = useSettingsForm(answer);
  const cards = { form, answer };
  return (
    <Page title={t('nav.settings')}>
      <SaveBar id="zt-settings" open={form.isChanged}>
        <button variant="primary" onClick={() => void form.save()} disabled={form.isSaving}>
          {t('save')}
        </button>
        <button onClick={form.discard} disabled={form.isSaving}>
          {t('discard')}
        </button>
      </SaveBar>
      <Form onSubmit={() => void form.save()}>
        <BlockStack gap={{ xs: '800', md: '500' }}>
          <Says form={form} />
          <Part name="method">
            <div className="zt-column">
              <MethodCard {...cards} />
              <CheckoutCard methodName={form.stored.methodName} blocks={blocks} isSettings />
            </div>
          </Part>
          <Part name="price">
            <PriceCard {...cards} />
          </Part>
          <Part name="amounts">
            <AmountsCard {...cards} />
          </Part>
          <Part name="words">
            <WordsCard {...cards} />
          </Part>
          <Part name="policy">
            <PolicyCard {...cards} />
          </Part>
          <Part name="refunds">
            <RefundsSettings {...cards} />
          </Part>
          <Part name="alerts">
            <AlertsCard {...cards} />
          </Part>
          <Part name="language">
            <LanguageCard {...cards} />
          </Part>
        </BlockStack>
      </Form>
      <Box paddingBlockStart={{ xs: '800', md: '500' }}>
        <Part name="holds">
          <HoldsCard />
        </Part>
      </Box>
    </Page>
  );
}

type PartName =
  'method' | 'price' | 'amounts' | 'words' | 'policy' | 'refunds' | 'alerts' | 'language' | 'holds';

function Part({ name, children }: { name: PartName; children: ReactNode }) {
  const { t } = useWords();
  return (
    <InlineGrid columns={{ xs: '1fr', md: '2fr 5fr' }} gap="400">
      <Box
        paddingInlineStart={{ xs: '400', sm: '0' }}
        paddingInlineEnd={{ xs: '400', sm: '0' }}
        paddingBlockStart={{ xs: '0', md: '400' }}
      >
        <BlockStack gap="100">
          <Text as="h2" variant="headingMd">
            {t(`settings.${name}`)}
          </Text>
          <Text as="p" tone="subdued">
            {t(`settings.${name}.text`)}
          </Text>
        </BlockStack>
      </Box>
      {children}
    </InlineGrid>
  );
}

/** Why nothing is stored yet, above everything. */
function Says({ form }: { form: SettingsForm }) {
  const { t } = useWords();
  const { trouble, overtaken } = form;
  if (trouble === undefined && overtaken === undefined) return null;
  return (
    <>
      {trouble !== undefined && (
        <Failed
          title={t('settings.not_saved')}
          trouble={trouble}
          again={() => void form.save()}
          isAsking={form.isSaving}
        />
      )}
      {overtaken !== undefined && <Overtook overtaken={overtaken} isChanged={form.isChanged} />}
    </>
  );
}

const fieldWords: Record<SettingsKey, Word> = {
  methodName: 'settings.method.label',
  quoteSeconds: 'settings.life',
  rateSources: 'settings.sources',
  spreadLimitBp: 'settings.spread',
  aloneMinutes: 'settings.alone',
  aloneDriftBp: 'settings.alone.drift',
  priceAdjustmentBp: 'settings.adjustment',
  smallestMsat: 'settings.smallest',
  largestMsat: 'settings.largest',
  buyerWords: 'settings.words',
  unpaidHours: 'settings.policy',
  lateDriftBp: 'settings.late',
  alertEmail: 'settings.alerts.email',
  alertUrl: 'settings.alerts.url',
  language: 'settings.language.label',
  refundsOn: 'settings.refunds',
  refundPricing: 'settings.refunds.pricing',
  refundClaimDays: 'settings.refunds.days',
  refundApprovalMsat: 'settings.refunds.approval',
  refundsWrong: 'settings.refunds.wrong',
};

function Overtook({ overtaken, isChanged }: { overtaken: Overtaken; isChanged: boolean }) {
  const { t, locale } = useWords();
  const { changed, clashes } = overtaken;
  const list = (keys: readonly SettingsKey[]): string =>
    new Intl.ListFormat(locale).format(keys.map((key) => t(fieldWords[key])));
  return (
    <Banner tone="warning" title={t('settings.overtaken')}>
      {changed.length > 0 && <p>{t('settings.overtaken.what', { fields: list(changed) })}</p>}
      {clashes.length > 0 && <p>{t('settings.overtaken.clash', { fields: list(clashes) })}</p>}
      <p>{t(isChanged ? 'settings.overtaken.again' : 'settings.overtaken.same')}</p>
    </Banner>
  );
}
