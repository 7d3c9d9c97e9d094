import { Banner, BlockStack, Button, Card, Icon, InlineStack, Link, Text } from '@shopify/polaris';
import { CheckCircleIcon } from '@shopify/polaris-icons';
import { lazy, Suspense, useRef, useState, type RefObject } from 'react';
import { formatSats } from '../../shared/amounts.ts';
import type { Problem } from '../../shared/merchant-api.ts';
import { isWord, Told, useWords } from '../words.tsx';
import { apiVersions, approveScopes } from './admin-links.ts';
import { Unmatched } from './unmatched.tsx';
import { useAmounts } from './use-amounts.ts';

const SettleDialog = lazy(() =>
  import('./settle-dialog.tsx').then((found) => ({ default: found.SettleDialog })),
);

/** What needs a person, worst first; each with the one thing to do. */
export function Problems(props: {
  problems: readonly Problem[];
  shop: string;
  /** Something was done about one of them. */
  onChanged: () => void;
}) {
  const { t } = useWords();
  const { problems, shop, onChanged } = props;
  const [settling, setSettling] = useState<{ problem: Problem; opener: Opener; isOpen: boolean }>();
  const heading = useRef<HTMLDivElement>(null);
  /** It stays until it has gone from the screen: then the focus goes back to its button. */
  const close = (): void => {
    setSettling((last) => last && { ...last, isOpen: false });
  };
  /** Its button goes: what is left is read from the top. */
  const changed = (): void => {
    heading.current?.focus();
    onChanged();
  };
  return (
    <Card>
      <BlockStack gap="300">
        <div ref={heading} tabIndex={-1} className="zt-lesson">
          <Text as="h2" variant="headingMd">
            {t('problems.title')}
          </Text>
        </div>
        {problems.length === 0 ? (
          <NothingToDo />
        ) : (
          <List
            {...{ problems, shop }}
            onChanged={changed}
            onWhole={() => heading.current?.focus()}
            onSettle={(problem, opener) => {
              setSettling({ problem, opener, isOpen: true });
            }}
          />
        )}
      </BlockStack>
      {settling !== undefined && (
        <Suspense>
          <SettleDialog
            key={settling.problem.paymentId}
            isOpen={settling.isOpen}
            problem={settling.problem}
            activator={settling.opener}
            onClose={close}
            onSettled={() => {
              close();
              changed();
            }}
          />
        </Suspense>
      )}
    </Card>
  );
}

/** So many of one kind are shown before the next kind has its turn. */
const atFirst = 3;

/** Twenty orders of one trouble must not hide that the node is away, nor the day's figures. */
function firstOfEach(problems: readonly Problem[]): Problem[] {
  const seen = new Map<string, number>();
  return problems.filter(({ what }) => {
    const count = (seen.get(what) ?? 0) + 1;
    seen.set(what, count);
    return count <= atFirst;
  });
}

function List(props: {
  problems: readonly Problem[];
  shop: string;
  onChanged: () => void;
  onSettle: (problem: Problem, opener: Opener) => void;
  /** All are shown, and the button that was pressed for it is gone: read on from the top. */
  onWhole: () => void;
}) {
  const { problems, shop, onChanged, onSettle, onWhole } = props;
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? problems : firstOfEach(problems);
  return (
    <div className="zt-column">
      {shown.map((problem, index) =>
        problem.what === 'unmatched' ? (
          <Unmatched
            key={`unmatched ${problem.values?.['breakId'] ?? ''}`}
            problem={problem}
            onChanged={onChanged}
          />
        ) : (
          <OneProblem
            key={`${problem.what} ${problem.paymentId ?? String(index)}`}
            problem={problem}
            shop={shop}
            onSettle={(opener) => {
              onSettle(problem, opener);
            }}
          />
        ),
      )}
      {shown.length < problems.length && (
        <Rest
          hidden={problems.length - shown.length}
          onShow={() => {
            setWhole(true);
            onWhole();
          }}
        />
      )}
    </div>
  );
}

function Rest({ hidden, onShow }: { hidden: number; onShow: () => void }) {
  const { t } = useWords();
  const { count } = useAmounts();
  return (
    <InlineStack gap="300" blockAlign="center">
      <Button onClick={onShow}>{t('problems.more', { count: count(hidden) })}</Button>
      <Link url="/payments?view=needs_person">{t('problems.in_list')}</Link>
    </InlineStack>
  );
}

function NothingToDo() {
  const { t } = useWords();
  return (
    <InlineStack gap="200" wrap={false} blockAlign="center">
      <span>
        <Icon source={CheckCircleIcon} tone="success" />
      </span>
      <Text as="p">{t('problems.none')}</Text>
    </InlineStack>
  );
}

/** What is around the button that opens a dialog. */
type Opener = RefObject<HTMLDivElement>;

const isCritical = new Set<Problem['what']>([
  ...(['stranded', 'untold', 'token_refused', 'refunds_unseen'] as const),
]);
const isAboutRefunds = new Set<Problem['what']>([
  ...(['refunds_unseen', 'refunds_stuck', 'refunds_to_approve', 'refunds_off'] as const),
]);
const isAboutVersion = (what: Problem['what']): boolean => what.startsWith('api_');

/** Where its one button leads; undefined for what is done here. */
function wayOf(problem: Problem, shop: string): string | undefined {
  const { what, paymentId } = problem;
  if (what === 'stranded') return undefined;
  if (paymentId !== undefined) return `/payments/${paymentId}`;
  if (what === 'token_refused' || what === 'scopes_missing') return approveScopes(shop);
  if (isAboutRefunds.has(what)) return '/refunds';
  if (what === 'shares_unpaid') return '/shares';
  return isAboutVersion(what) ? apiVersions : '/node';
}

function OneProblem(props: { problem: Problem; shop: string; onSettle: (opener: Opener) => void }) {
  const { t, locale } = useWords();
  const { problem, shop, onSettle } = props;
  const { what, sentence, paymentId, orderName, values = {} } = problem;
  const url = wayOf(problem, shop);
  const opener = useRef<HTMLDivElement>(null);
  const shown: Record<string, string> = {
    ...values,
    ...(orderName === undefined ? {} : { order: orderName }),
  };
  for (const sats of ['receivable', 'largest'] as const) {
    if (values[sats] !== undefined) shown[sats] = formatSats(values[sats], locale);
  }
  const named = { title: `problem.${what}.title`, action: `problem.${what}.action` };
  // A server that was updated meanwhile may know of more than this page does.
  const title = t(isWord(named.title) ? named.title : 'problem.other.title');
  const action = t(isWord(named.action) ? named.action : 'problem.look.action');
  const hasButton = isWord(named.action) || paymentId !== undefined;
  // Twenty buttons of one name would be one for who hears them.
  const about = orderName ?? values['node'];
  const accessibilityLabel = about === undefined ? action : `${action}: ${about}`;
  return (
    <Banner tone={isCritical.has(what) ? 'critical' : 'warning'} title={title}>
      <BlockStack gap="200">
        <p>
          <Told code={`problem.${what}`} sentence={sentence} values={shown} />
          {what === 'stranded' && paymentId !== undefined && (
            <>
              {' '}
              <Link url={`/payments/${paymentId}`}>{t('problem.see')}</Link>
            </>
          )}
        </p>
        <div ref={opener}>
          {!hasButton ? null : url === undefined ? (
            <Button
              onClick={() => {
                onSettle(opener);
              }}
              accessibilityLabel={accessibilityLabel}
            >
              {action}
            </Button>
          ) : (
            <Button
              url={url}
              accessibilityLabel={accessibilityLabel}
              {...(isAboutVersion(what) ? { target: '_blank' as const } : {})}
            >
              {action}
            </Button>
          )}
        </div>
      </BlockStack>
    </Banner>
  );
}
