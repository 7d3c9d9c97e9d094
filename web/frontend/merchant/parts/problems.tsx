import { Banner, BlockStack, Card, Icon, InlineStack, Text } from '@shopify/polaris';
import { CheckCircleIcon } from '@shopify/polaris-icons';
import type { Problem } from '../../shared/merchant-api.ts';
import { Told, useWords } from '../words.tsx';

/** What needs a person, worst first; each with the one thing to do. */
export function Problems({ problems }: { problems: readonly Problem[] }) {
  const { t } = useWords();
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('problems.title')}
        </Text>
        {problems.length === 0 ? (
          <InlineStack gap="200" wrap={false} blockAlign="center">
            <span>
              <Icon source={CheckCircleIcon} tone="success" />
            </span>
            <Text as="p">{t('problems.none')}</Text>
          </InlineStack>
        ) : (
          problems.map((problem) => (
            <OneProblem key={`${problem.what} ${problem.paymentId ?? ''}`} problem={problem} />
          ))
        )}
      </BlockStack>
    </Card>
  );
}

function OneProblem({ problem }: { problem: Problem }) {
  const { t } = useWords();
  const { what, sentence, paymentId, orderName } = problem;
  const url = paymentId === undefined ? '/node' : `/payments/${paymentId}`;
  return (
    <Banner
      tone={what === 'stranded' ? 'critical' : 'warning'}
      title={t(`problem.${what}.title`)}
      action={{ content: t(`problem.${what}.action`), url }}
    >
      <p>
        <Told
          code={`problem.${what}`}
          sentence={sentence}
          {...(orderName === undefined ? {} : { values: { order: orderName } })}
        />
      </p>
    </Banner>
  );
}
