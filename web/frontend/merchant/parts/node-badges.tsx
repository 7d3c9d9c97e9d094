import { Badge, InlineStack } from '@shopify/polaris';
import type { NodeAnswer } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';

const tones = {
  reachable: 'success',
  unreachable: 'warning',
  locked: 'warning',
  not_asked: 'info',
} as const;

/** How the node is, and whether its bitcoin are real. */
export function NodeBadges({ node }: { node: NodeAnswer }) {
  const { t } = useWords();
  return (
    <InlineStack gap="100">
      <Badge tone={tones[node.health]}>{t(`health.${node.health}`)}</Badge>
      {node.network !== 'mainnet' && <Badge tone="info">{t(`network.${node.network}`)}</Badge>}
    </InlineStack>
  );
}
