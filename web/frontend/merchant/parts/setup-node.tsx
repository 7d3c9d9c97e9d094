import { useAppBridge } from '@shopify/app-bridge-react';
import { BlockStack, Button, InlineStack, Text } from '@shopify/polaris';
import type { NodeAnswer } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';
import { ConnectForm } from './connect-form.tsx';
import { BakeLine, Lesson } from './lesson.tsx';
import { NodeBadges } from './node-badges.tsx';
import { useAmounts } from './use-amounts.ts';
import { isAboutCredential, useConnect } from './use-connect.ts';

/** The first step: a node with a credential that can receive and nothing else. */
export function SetupNode(props: { node: NodeAnswer | null; bake: string; connected: () => void }) {
  const { node, bake, connected } = props;
  return node === null ? (
    <Connecting bake={bake} connected={connected} />
  ) : (
    <Connected node={node} />
  );
}

function Connecting({ bake, connected }: { bake: string; connected: () => void }) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const connect = useConnect(() => {
    bridge.toast.show(t('node.connected.toast'));
    connected();
  });
  const { refused } = connect;
  const hasLine = refused !== undefined && isAboutCredential(refused.refusal);
  return (
    <BlockStack gap="400">
      <Text as="p">{t('setup.node.text')}</Text>
      {!hasLine && <BakeLine line={bake} />}
      {refused !== undefined && <Lesson refused={refused} />}
      <ConnectForm connect={connect} />
    </BlockStack>
  );
}

function Connected({ node }: { node: NodeAnswer }) {
  const { t } = useWords();
  const { when } = useAmounts();
  const name = node.alias === '' ? node.address : node.alias;
  const since = node.healthSince === null ? '' : when(node.healthSince);
  return (
    <BlockStack gap="300">
      <InlineStack gap="200" blockAlign="center">
        <NodeBadges node={node} />
      </InlineStack>
      <Text as="p" breakWord>
        {node.health === 'reachable'
          ? t('setup.node.connected', { name })
          : t('setup.node.away', { name, since })}
      </Text>
      <div>
        <Button url="/node">{t('setup.node.manage')}</Button>
      </div>
    </BlockStack>
  );
}
