import { useAppBridge } from '@shopify/app-bridge-react';
import { Banner, BlockStack, Button, Card, Layout, List, Page, Text } from '@shopify/polaris';
import { useEffect, useRef, useState } from 'react';
import type { NodeAnswer, ShopAnswer } from '../../shared/merchant-api.ts';
import { ConnectForm } from '../parts/connect-form.tsx';
import { Failed } from '../parts/failed.tsx';
import { BakeLine, Lesson } from '../parts/lesson.tsx';
import { NodeCard } from '../parts/node-card.tsx';
import { isAboutCredential, useConnect } from '../parts/use-connect.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi } from '../use-api.ts';
import { useWords } from '../words.tsx';

export default function Node() {
  const { t } = useWords();
  const shop = useApi<ShopAnswer>('/api/shop');
  const { value, trouble, again } = shop;
  if (value === undefined) {
    if (trouble === undefined) return <WaitingPage title={t('nav.node')} lines={[8]} />;
    return (
      <Page title={t('nav.node')}>
        <Failed title={t('node.failed')} trouble={trouble} again={again} />
      </Page>
    );
  }
  return <NodePage shop={value} reload={again} />;
}

function NodePage({ shop, reload }: { shop: ShopAnswer; reload: () => void }) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const [fresh, setFresh] = useState<NodeAnswer>();
  const [isRenewing, setIsRenewing] = useState(false);
  // Each reading has another key number in its line: the one that was shown stays.
  const [bake] = useState(shop.bake);
  const connect = useConnect((node) => {
    setFresh(node);
    setIsRenewing(false);
    bridge.toast.show(t('node.connected.toast'));
    reload();
  });
  const node = fresh ?? shop.node;
  const hasForm = node === null || isRenewing;
  const hasLine =
    connect.refused !== undefined && isAboutCredential(connect.refused.refusal) && hasForm;
  return (
    <Page title={t('nav.node')}>
      <Layout>
        <Layout.Section>
          <div className="zt-column">
            {fresh !== undefined && !isRenewing && <Connected />}
            {node !== null && !isRenewing && <NodeCard node={node} />}
            {hasForm && connect.refused !== undefined && <Lesson refused={connect.refused} />}
            {hasForm && <ConnectForm connect={connect} />}
          </div>
        </Layout.Section>
        <Layout.Section variant="oneThird">
          <div className="zt-column">
            {hasForm && !hasLine && (
              <Card>
                <BakeLine line={bake} />
              </Card>
            )}
            {node !== null && (
              <Renew isRenewing={isRenewing} toggle={() => setIsRenewing(!isRenewing)} />
            )}
            <Limits />
          </div>
        </Layout.Section>
      </Layout>
    </Page>
  );
}

/** The good end, where the focus goes. */
function Connected() {
  const { t } = useWords();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    place.current?.focus();
  }, []);
  return (
    <div ref={place} tabIndex={-1} className="zt-lesson">
      <Banner
        tone="success"
        title={t('node.connected.title')}
        action={{ content: t('node.connected.action'), url: '/' }}
      >
        <p>{t('node.connected.text')}</p>
      </Banner>
    </div>
  );
}

function Renew({ isRenewing, toggle }: { isRenewing: boolean; toggle: () => void }) {
  const { t } = useWords();
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('renew.title')}
        </Text>
        <Text as="p" tone="subdued">
          {t('renew.text')}
        </Text>
        <div>
          <Button onClick={toggle}>{t(isRenewing ? 'renew.back' : 'renew.action')}</Button>
        </div>
      </BlockStack>
    </Card>
  );
}

/** What a merchant is asked to trust, in three lines. */
function Limits() {
  const { t } = useWords();
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('limits.title')}
        </Text>
        <List>
          <List.Item>{t('limits.can')}</List.Item>
          <List.Item>{t('limits.cannot')}</List.Item>
          <List.Item>{t('limits.kept')}</List.Item>
        </List>
      </BlockStack>
    </Card>
  );
}
