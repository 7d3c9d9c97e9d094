import { Banner, BlockStack, Button, Card, Text } from '@shopify/polaris';
import { useEffect, useId, useRef, useState } from 'react';
import { bakesHolds } from '../../shared/holds-api.ts';
import { isWord, Told, useWords } from '../words.tsx';
import { CopyButton } from './copy-button.tsx';
import { isAboutCredential, type Refused } from './use-connect.ts';

/**
 * A refused node is a lesson: what is wrong, what the credential would have allowed, and the line
 * that makes the right one. The form stays below it.
 */
export function Lesson({ refused }: { refused: Refused }) {
  const { t } = useWords();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    place.current?.focus();
    place.current?.scrollIntoView({ block: 'start' });
  }, [refused]);
  const { refusal, sentence, excess, bake } = refused;
  const named = `refusal.${refusal}`;
  const title = t(isWord(named) ? named : 'refusal.other');
  return (
    <div ref={place} tabIndex={-1} className="zt-lesson" role="group" aria-label={title}>
      <Card>
        <BlockStack gap="400">
          <Banner tone="warning" title={title}>
            <p>
              <Told code={named} sentence={sentence} />
            </p>
          </Banner>
          {excess.length > 0 && <Excess excess={excess} />}
          {isAboutCredential(refusal) && <BakeLine line={bake} />}
        </BlockStack>
      </Card>
    </div>
  );
}

/** What costs money first, then what changes something, then what only looks. */
const worst = ['offchain:write', 'onchain:write', 'macaroon:generate', 'invoices:write'];
const rankOf = (permission: string): number => {
  const place = worst.indexOf(permission);
  if (place >= 0) return place;
  return permission.endsWith(':read') ? worst.length + 1 : worst.length;
};
const shownAtOnce = 5;

function Excess({ excess }: { excess: Refused['excess'] }) {
  const { t } = useWords();
  const [isAll, setIsAll] = useState(false);
  const id = useId();
  const sorted = [...excess].sort((a, b) => rankOf(a.permission) - rankOf(b.permission));
  const hasMore = sorted.length > shownAtOnce + 1;
  const shown = hasMore && !isAll ? sorted.slice(0, shownAtOnce) : sorted;
  return (
    <BlockStack gap="300">
      <Text as="h2" variant="headingSm">
        {t('lesson.excess')}
      </Text>
      <dl className="zt-excess" id={id}>
        {shown.map(({ permission, allows }) => (
          <div key={permission}>
            <dt>{permission}</dt>
            <dd>
              <Told code={codeOf(permission)} sentence={allows} />
            </dd>
          </div>
        ))}
      </dl>
      {hasMore && (
        <div>
          <Button
            variant="plain"
            ariaExpanded={isAll}
            ariaControls={id}
            onClick={() => setIsAll(!isAll)}
          >
            {isAll ? t('lesson.fewer') : t('lesson.all', { count: String(sorted.length) })}
          </Button>
        </div>
      )}
    </BlockStack>
  );
}

/** `info:write` as it is; of `uri:/lnrpc.Lightning/SendCoins` the method. */
function codeOf(permission: string): string {
  const method = /^uri:\/[\w.]+\/(\w+)$/.exec(permission)?.[1];
  return method === undefined ? `permission.${permission}` : `method.${method}`;
}

/** The exact line to run, to be copied as a whole. */
export function BakeLine({ line }: { line: string }) {
  const { t } = useWords();
  return (
    <BlockStack gap="300">
      <Text as="h2" variant="headingSm">
        {t(bakesHolds(line) ? 'lesson.bake_holds' : 'lesson.bake')}
      </Text>
      <code className="zt-code" data-line="bake">
        {line}
      </code>
      <div>
        <CopyButton text={line} label={t('lesson.copy')} />
      </div>
      <Text as="p" tone="subdued">
        {t('lesson.paste')}
      </Text>
    </BlockStack>
  );
}
