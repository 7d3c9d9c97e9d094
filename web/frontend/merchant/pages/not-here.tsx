import { Card, EmptyState, Page } from '@shopify/polaris';
import { useWords } from '../words.tsx';

export function NotHere() {
  const { t } = useWords();
  return (
    <Page title={t('not_here.title')}>
      <Card>
        <EmptyState
          heading={t('not_here.heading')}
          image=""
          action={{ content: t('not_here.action'), url: '/' }}
        >
          <p>{t('not_here.text')}</p>
        </EmptyState>
      </Card>
    </Page>
  );
}
