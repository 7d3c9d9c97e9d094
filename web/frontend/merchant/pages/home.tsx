import { BlockStack, Layout, List, Page, Text } from '@shopify/polaris';
import type { PaymentsAnswer, ShopAnswer } from '../../shared/merchant-api.ts';
import { checkoutEditor, paymentSettings } from '../parts/admin-links.ts';
import { CheckoutCard } from '../parts/checkout-card.tsx';
import { Counts } from '../parts/counts.tsx';
import { Failed } from '../parts/failed.tsx';
import { LatestPayments } from '../parts/latest-payments.tsx';
import { NodeSummary } from '../parts/node-summary.tsx';
import { Problems } from '../parts/problems.tsx';
import { SetupGuide, type SetupStep } from '../parts/setup-guide.tsx';
import { useBlocks, type Blocks } from '../parts/use-blocks.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi } from '../use-api.ts';
import { useWords, type Speech } from '../words.tsx';

const lookAgainMs = 15_000;

export function Home() {
  const { t } = useWords();
  const shop = useApi<ShopAnswer>('/api/shop', { everyMs: lookAgainMs });
  const latest = useApi<PaymentsAnswer>('/api/payments', { everyMs: lookAgainMs });
  const { blocks, isAsking } = useBlocks();
  const isWaiting = shop.value === undefined && shop.trouble === undefined;
  const isListWaiting = latest.value === undefined && latest.trouble === undefined;
  if (isWaiting || isListWaiting || isAsking)
    return <WaitingPage title={t('home.title')} lines={[3, 4, 6]} />;
  const steps = shop.value === undefined ? [] : stepsOf(shop.value, { blocks, t });
  const isSetUp = steps.every((step) => step.isDone);
  return (
    <Page title={t('home.title')}>
      <Layout>
        {shop.trouble !== undefined && (
          <Layout.Section>
            <Failed title={t('home.failed')} trouble={shop.trouble} again={shop.again} />
          </Layout.Section>
        )}
        {!isSetUp && (
          <Layout.Section>
            <SetupGuide steps={steps} />
          </Layout.Section>
        )}
        {shop.value !== undefined && (
          <Overview shop={shop.value} isSetUp={isSetUp} blocks={blocks} latest={latest.value} />
        )}
      </Layout>
    </Page>
  );
}

function Overview(props: {
  shop: ShopAnswer;
  isSetUp: boolean;
  blocks: Blocks | undefined;
  latest: PaymentsAnswer | undefined;
}) {
  const { shop, isSetUp, blocks, latest } = props;
  // The guide says already that there is no node.
  const problems = shop.problems.filter(({ what }) => isSetUp || what !== 'no_node');
  return (
    <>
      <Layout.Section>
        <div className="zt-column">
          {(problems.length > 0 || shop.node !== null) && <Problems problems={problems} />}
          <Counts counts={shop.counts} />
          <LatestPayments payments={latest?.payments} methodName={shop.method.name} />
        </div>
      </Layout.Section>
      <Layout.Section variant="oneThird">
        <div className="zt-column">
          <NodeSummary node={shop.node} />
          <CheckoutCard methodName={shop.method.name} blocks={blocks} />
        </div>
      </Layout.Section>
    </>
  );
}

/** Four steps; each is done when a fact says so. */
function stepsOf(
  shop: ShopAnswer,
  about: { blocks: Blocks | undefined; t: Speech['t'] },
): SetupStep[] {
  const { blocks, t } = about;
  const { counts, method } = shop;
  const wasSeen = Object.values(counts).some((count) => count > 0);
  return [
    {
      id: 'node',
      title: t('guide.node.title'),
      body: <Text as="p">{t('guide.node.text')}</Text>,
      isDone: shop.node !== null,
      action: { label: t('guide.node.action'), url: '/node' },
    },
    {
      id: 'method',
      title: t('guide.method.title'),
      body: <MethodSteps name={method.name} />,
      isDone: wasSeen,
      action: { label: t('open_payment_settings'), url: paymentSettings },
      second: { label: t('guide.method.other_name'), url: '/settings' },
    },
    {
      id: 'block',
      title: t('guide.block.title'),
      body: <Text as="p">{t('guide.block.text')}</Text>,
      // Where App Bridge does not say it, a payment that was made shows that the way is there.
      isDone: blocks === undefined ? counts.resolved > 0 : blocks.thankYou,
      action: { label: t('open_checkout_editor'), url: checkoutEditor },
    },
    {
      id: 'try',
      title: t('guide.try.title'),
      body: <Text as="p">{t('guide.try.text', { method: method.name })}</Text>,
      isDone: counts.resolved > 0,
      action: { label: t('guide.try.action'), url: `https://${shop.shop}/`, target: '_blank' },
    },
  ];
}

function MethodSteps({ name }: { name: string }) {
  const { t } = useWords();
  return (
    <BlockStack gap="200">
      <List type="number">
        <List.Item>{t('guide.method.step1')}</List.Item>
        <List.Item>{t('guide.method.step2', { method: name })}</List.Item>
        <List.Item>{t('guide.method.step3')}</List.Item>
      </List>
      <Text as="p" tone="subdued">
        {t('guide.method.done_when')}
      </Text>
    </BlockStack>
  );
}
