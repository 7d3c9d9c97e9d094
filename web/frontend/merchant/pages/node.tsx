import { useAppBridge } from '@shopify/app-bridge-react';
import {
  Banner,
  BlockStack,
  Button,
  Card,
  ChoiceList,
  Layout,
  List,
  Page,
  Text,
} from '@shopify/polaris';
import { useEffect, useRef, useState } from 'react';
import type { NodeAnswer } from '../../shared/merchant-api.ts';
import type { NodesAnswer, WorkingNode } from '../../shared/setup-api.ts';
import { ConnectForm } from '../parts/connect-form.tsx';
import { Failed } from '../parts/failed.tsx';
import { BakeLine, Lesson } from '../parts/lesson.tsx';
import { nameOf, NodeList } from '../parts/node-list.tsx';
import { isAboutCredential, useConnect, type ConnectMore } from '../parts/use-connect.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi } from '../use-api.ts';
import { useWords } from '../words.tsx';

const lookAgainMs = 15_000;

export default function Node() {
  const { t } = useWords();
  const nodes = useApi<NodesAnswer>('/api/nodes', { everyMs: lookAgainMs });
  const { value, trouble, again } = nodes;
  if (value === undefined) {
    if (trouble === undefined) return <WaitingPage title={t('nodes.title')} lines={[8]} />;
    return (
      <Page title={t('nodes.title')}>
        <Failed title={t('node.failed')} trouble={trouble} again={again} />
      </Page>
    );
  }
  return <NodesPage answer={value} reload={again} />;
}

/** What the form is open for: another node, or another credential of one that is there. */
type Opened = { for: 'add' } | { for: 'renew'; node: WorkingNode };
type Fresh = { node: NodeAnswer; replaced: string | undefined };

function NodesPage({ answer, reload }: { answer: NodesAnswer; reload: () => void }) {
  const { t } = useWords();
  const [opened, setOpened] = useState<Opened>();
  const [fresh, setFresh] = useState<Fresh>();
  const { nodes, ending } = answer;
  const isFirst = nodes.length === 0;
  const close = (): void => setOpened(undefined);
  if (isFirst || opened !== undefined) {
    return (
      <Connecting
        answer={answer}
        opened={opened ?? { for: 'add' }}
        close={close}
        connected={(made) => {
          setFresh(made);
          close();
          reload();
        }}
      />
    );
  }
  return (
    <Page title={t('nodes.title')}>
      <Layout>
        <Layout.Section>
          <div className="zt-column">
            {fresh !== undefined && <Connected fresh={fresh} nodes={nodes} />}
            <NodeList
              nodes={nodes}
              ending={ending}
              renew={(node) => setOpened({ for: 'renew', node })}
              changed={() => {
                setFresh(undefined);
                reload();
              }}
            />
          </div>
        </Layout.Section>
        <Layout.Section variant="oneThird">
          <div className="zt-column">
            <Another open={() => setOpened({ for: 'add' })} />
            <Limits />
          </div>
        </Layout.Section>
      </Layout>
    </Page>
  );
}

/** The form, with the line that makes what it asks for beside it. */
function Connecting(props: {
  answer: NodesAnswer;
  opened: Opened;
  close: () => void;
  connected: (made: Fresh) => void;
}) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const { answer, opened, close, connected } = props;
  const renewed = opened.for === 'renew' ? opened.node : undefined;
  const hasOthers = answer.nodes.length > 0;
  // Each reading has another key number in its line: the one that was shown stays.
  const [bake] = useState(answer.bake);
  const [how, setHow] = useState<'add' | 'replace'>('add');
  const more: ConnectMore = renewed === undefined ? { how } : { renews: renewed.id };
  const connect = useConnect((node) => {
    const done = renewed === undefined ? 'node.connected.toast' : 'nodes.renewed.toast';
    bridge.toast.show(t(done));
    connected({ node, replaced: renewed?.rootKeyId });
  }, more);
  const { refused } = connect;
  const hasLine = refused !== undefined && isAboutCredential(refused.refusal);
  return (
    <Page
      title={
        renewed !== undefined
          ? t('nodes.renew.title', { name: nameOf(renewed) })
          : t(hasOthers ? 'nodes.add' : 'nodes.title')
      }
      {...(hasOthers ? { backAction: { content: t('nodes.back'), onAction: close } } : {})}
    >
      <Layout>
        <Layout.Section>
          <div className="zt-column">
            {refused !== undefined && <Lesson refused={refused} />}
            {renewed !== undefined && (
              <Card>
                <Text as="p">{t('nodes.renew.text')}</Text>
              </Card>
            )}
            <ConnectForm
              connect={connect}
              {...(renewed === undefined ? {} : { title: t('nodes.renew') })}
            >
              {hasOthers && renewed === undefined && <How how={how} choose={setHow} />}
            </ConnectForm>
          </div>
        </Layout.Section>
        <Layout.Section variant="oneThird">
          <div className="zt-column">
            {!hasLine && (
              <Card>
                <BakeLine line={bake} />
              </Card>
            )}
            <Limits />
          </div>
        </Layout.Section>
      </Layout>
    </Page>
  );
}

function How(props: { how: 'add' | 'replace'; choose: (how: 'add' | 'replace') => void }) {
  const { t } = useWords();
  return (
    <ChoiceList
      title={t('nodes.add.how')}
      choices={[
        { value: 'add', label: t('nodes.add.how.add') },
        { value: 'replace', label: t('nodes.add.how.replace') },
      ]}
      selected={[props.how]}
      onChange={([how]) => props.choose(how === 'replace' ? 'replace' : 'add')}
    />
  );
}

/** The good end, where the focus goes. */
function Connected({ fresh, nodes }: { fresh: Fresh; nodes: readonly WorkingNode[] }) {
  const { t } = useWords();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    place.current?.focus();
  }, []);
  const { replaced } = fresh;
  const now = nodes.find(({ id }) => id === fresh.node.id)?.rootKeyId;
  // A new credential under the old key would die with it.
  const revoke = replaced === undefined || replaced === now ? undefined : replaced;
  const title = t(replaced === undefined ? 'node.connected.title' : 'nodes.renewed.title');
  return (
    <div ref={place} tabIndex={-1} className="zt-lesson">
      <Banner
        tone="success"
        title={title}
        {...(replaced === undefined
          ? { action: { content: t('node.connected.action'), url: '/setup' } }
          : {})}
      >
        {replaced === undefined && <p>{t('node.connected.text')}</p>}
        {revoke !== undefined && (
          <BlockStack gap="200">
            <p>{t('nodes.renewed.text')}</p>
            <code className="zt-code">{`lncli deletemacaroonid ${revoke}`}</code>
          </BlockStack>
        )}
      </Banner>
    </div>
  );
}

function Another({ open }: { open: () => void }) {
  const { t } = useWords();
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('nodes.add.title')}
        </Text>
        <Text as="p" tone="subdued">
          {t('nodes.add.text')}
        </Text>
        <div>
          <Button onClick={open}>{t('nodes.add')}</Button>
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
