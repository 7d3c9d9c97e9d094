import { Banner, BlockStack, Card, InlineStack, List, Text } from '@shopify/polaris';
import type { ReactNode } from 'react';
import type { AdviceShown, NodeAnswer } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';
import { CopyButton } from './copy-button.tsx';
import { Facts } from './facts.tsx';
import { NodeBadges } from './node-badges.tsx';
import { useAmounts } from './use-amounts.ts';

/** Everything that the program knows of the node, and what can be done with it, if given. */
export function NodeCard(props: {
  node: NodeAnswer;
  rank?: ReactNode;
  /** Another node takes the payments while this one does not answer. */
  hasStandIn?: boolean;
  notice?: ReactNode;
  children?: ReactNode;
}) {
  const { node, rank, hasStandIn = false, notice, children } = props;
  const { t } = useWords();
  const { when } = useAmounts();
  const since = node.healthSince === null ? '' : when(node.healthSince);
  return (
    <Card>
      <BlockStack gap="400">
        <InlineStack align="space-between" blockAlign="center" gap="200">
          <Text as="h2" variant="headingMd" breakWord>
            {node.alias === '' ? node.address : node.alias}
          </Text>
          <InlineStack gap="100">
            {rank}
            <NodeBadges node={node} />
          </InlineStack>
        </InlineStack>
        {(node.health === 'unreachable' || node.health === 'locked') && (
          <Banner tone="warning" title={t(`node.${node.health}.title`, { since })}>
            <p>
              {node.health === 'locked'
                ? t('node.locked.text')
                : t(`node.unreachable.${hasStandIn ? 'others' : 'text'}`)}
            </p>
          </Banner>
        )}
        {notice}
        <Receivable node={node} />
        <Advice advice={node.advice} />
        <NodeFacts node={node} />
        {children}
      </BlockStack>
    </Card>
  );
}

function Receivable({ node }: { node: NodeAnswer }) {
  const { t } = useWords();
  const { msat } = useAmounts();
  const { receivableMsat, largestPartMsat } = node;
  return (
    <BlockStack gap="050">
      <Text as="p" tone="subdued">
        {t('node.receivable')}
      </Text>
      <Text as="p" variant="headingXl" numeric>
        {receivableMsat === null ? t('not_known') : msat(receivableMsat)}
      </Text>
      <Text as="p" tone="subdued">
        {receivableMsat === null
          ? t('node.receivable.unseen')
          : largestPartMsat === null || largestPartMsat === receivableMsat
            ? t('node.receivable.text')
            : t('node.receivable.part', { sats: msat(largestPartMsat) })}
      </Text>
    </BlockStack>
  );
}

function Advice({ advice }: { advice: readonly AdviceShown[] }) {
  const { t, told } = useWords();
  if (advice.length === 0) return null;
  return (
    <Banner tone="info" title={t('node.advice')}>
      <List>
        {advice.map(({ code, sentence, values }) => {
          const { text, lang } = told({ code: `advice.${code}`, sentence, values });
          return (
            <List.Item key={code}>
              <span lang={lang}>{text}</span>
            </List.Item>
          );
        })}
      </List>
    </Banner>
  );
}

function NodeFacts({ node }: { node: NodeAnswer }) {
  const { t } = useWords();
  const { count, day, when } = useAmounts();
  const { channels, credentialEndsAt } = node;
  // Without the commit it was built from.
  const version = node.version.split(' ')[0] ?? '';
  const facts = [
    { term: t('node.address'), is: node.address },
    { term: t('node.network'), is: t(`network.${node.network}`) },
    { term: t('node.version'), is: version === '' ? t('not_known') : version },
    {
      term: t('node.channels'),
      is:
        channels === null
          ? t('not_known')
          : t('node.channels.of', { active: count(channels.active), all: count(channels.all) }),
    },
    { term: t('node.connected'), is: when(node.connectedAt) },
    {
      term: t('node.ends'),
      is: credentialEndsAt === null ? t('node.ends.never') : day(credentialEndsAt),
    },
  ];
  return (
    <BlockStack gap="300">
      <Facts facts={facts} />
      <Text as="h3" variant="headingSm">
        {t('node.identity')}
      </Text>
      <code className="zt-code">{node.identity}</code>
      <div>
        <CopyButton
          text={node.identity}
          label={t('copy')}
          name={t('copy_what', { what: t('node.identity') })}
        />
      </div>
    </BlockStack>
  );
}
