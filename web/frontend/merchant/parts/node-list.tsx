import { useAppBridge } from '@shopify/app-bridge-react';
import {
  Badge,
  Banner,
  BlockStack,
  Button,
  ButtonGroup,
  Card,
  Modal,
  Text,
} from '@shopify/polaris';
import { useRef, useState } from 'react';
import type { NodeChangedAnswer, NodesAnswer, WorkingNode } from '../../shared/setup-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { useWords } from '../words.tsx';
import { Failed } from './failed.tsx';
import { NodeCard } from './node-card.tsx';
import { useAmounts } from './use-amounts.ts';
import { useCounted } from './use-counted.ts';

export const nameOf = (node: { alias: string; address: string }): string =>
  node.alias === '' ? node.address : node.alias;

const warnDays = 14;

const hasStandIn = (nodes: readonly WorkingNode[], node: WorkingNode): boolean =>
  nodes.some((other) => other.id !== node.id && other.health === 'reachable');

/** The nodes in the order in which they are asked, and what can be done with each. */
export function NodeList(props: {
  nodes: readonly WorkingNode[];
  ending: NodesAnswer['ending'];
  renew: (node: WorkingNode) => void;
  changed: () => void;
}) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const { nodes, ending, renew, changed } = props;
  const [busy, setBusy] = useState<number>();
  const [trouble, setTrouble] = useState<TroubleKind>();
  const change = async (node: WorkingNode, what: 'prefer' | 'retire'): Promise<void> => {
    setBusy(node.id);
    setTrouble(undefined);
    try {
      await callApi<NodeChangedAnswer>(`/api/nodes/${String(node.id)}/${what}`, { body: {} });
      const said = what === 'prefer' ? 'nodes.preferred.toast' : 'nodes.removed.toast';
      bridge.toast.show(t(said, { name: nameOf(node) }));
      changed();
    } catch (failure) {
      setTrouble(troubleOf(failure));
    } finally {
      setBusy(undefined);
    }
  };
  return (
    <>
      {trouble !== undefined && <Failed title={t('nodes.change_failed')} trouble={trouble} />}
      {nodes.map((node) => (
        <NodeCard
          key={node.id}
          node={node}
          hasStandIn={hasStandIn(nodes, node)}
          notice={<Ends node={node} hasStandIn={hasStandIn(nodes, node)} />}
          {...(nodes.length > 1 ? { rank: <Rank isPreferred={node.isPreferred} /> } : {})}
        >
          <ButtonGroup>
            <Button onClick={() => renew(node)}>{t('nodes.renew')}</Button>
            {!node.isPreferred && (
              <Button loading={busy === node.id} onClick={() => void change(node, 'prefer')}>
                {t('nodes.prefer')}
              </Button>
            )}
            <Remove
              node={node}
              isLast={nodes.length === 1}
              remove={() => void change(node, 'retire')}
            />
          </ButtonGroup>
        </NodeCard>
      ))}
      <Ending ending={ending} />
    </>
  );
}

function Rank({ isPreferred }: { isPreferred: boolean }) {
  const { t } = useWords();
  return isPreferred ? (
    <Badge tone="success">{t('nodes.preferred')}</Badge>
  ) : (
    <Badge>{t('nodes.fallback')}</Badge>
  );
}

/** The credential ends by itself: said while there is time. */
function Ends(props: { node: WorkingNode; hasStandIn: boolean }) {
  const { t } = useWords();
  const { count } = useAmounts();
  const { credentialDaysLeft: left } = props.node;
  if (left === null || left > warnDays) return null;
  const title =
    left < 0
      ? t('nodes.ends.over')
      : left === 0
        ? t('nodes.ends.today')
        : t('nodes.ends.title', { count: count(left) });
  return (
    <Banner tone="warning" title={title}>
      <p>{t(props.hasStandIn ? 'nodes.ends.others' : 'nodes.ends.text')}</p>
    </Banner>
  );
}

function Remove(props: { node: WorkingNode; isLast: boolean; remove: () => void }) {
  const { t } = useWords();
  const { node, isLast, remove } = props;
  const [isAsking, setIsAsking] = useState(false);
  // Polaris gives the focus back to what is inside it.
  const opener = useRef<HTMLDivElement>(null);
  const close = (): void => setIsAsking(false);
  return (
    <>
      <div ref={opener}>
        <Button tone="critical" variant="plain" onClick={() => setIsAsking(true)}>
          {t('nodes.remove')}
        </Button>
      </div>
      <Modal
        activator={opener}
        open={isAsking}
        onClose={close}
        title={t('nodes.remove.title', { name: nameOf(node) })}
        primaryAction={{
          content: t('nodes.remove'),
          destructive: true,
          onAction: () => {
            close();
            remove();
          },
        }}
        secondaryActions={[{ content: t('nodes.remove.keep'), onAction: close }]}
      >
        <Modal.Section>
          <BlockStack gap="200">
            <Text as="p">{t('nodes.remove.text')}</Text>
            {isLast && (
              <Text as="p" fontWeight="semibold">
                {t('nodes.remove.last')}
              </Text>
            )}
          </BlockStack>
        </Modal.Section>
      </Modal>
    </>
  );
}

function Ending({ ending }: Pick<NodesAnswer, 'ending'>) {
  const { t } = useWords();
  const counted = useCounted();
  if (ending.length === 0) return null;
  return (
    <Card>
      <BlockStack gap="200">
        <Text as="h2" variant="headingMd">
          {t('nodes.ending.title')}
        </Text>
        {ending.map((node) => (
          <Text as="p" key={node.id} breakWord>
            {counted('nodes.ending.text', node.payable, { name: nameOf(node) })}
          </Text>
        ))}
      </BlockStack>
    </Card>
  );
}
