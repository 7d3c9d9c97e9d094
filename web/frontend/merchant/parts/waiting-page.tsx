import {
  Card,
  Layout,
  SkeletonBodyText,
  SkeletonDisplayText,
  SkeletonPage,
} from '@shopify/polaris';
import { useWords } from '../words.tsx';

/**
 * The page before its answer has come. A tree of its own, as large as what follows: filling the
 * real page piece by piece would move what is already on the screen.
 */
export function WaitingPage({ title, lines = [4, 6] }: { title?: string; lines?: number[] }) {
  const { t } = useWords();
  return (
    <div aria-busy="true" aria-label={t('waiting')} role="status">
      <SkeletonPage {...(title === undefined ? {} : { title })}>
        <Layout>
          {lines.map((count, index) => (
            <Layout.Section key={index}>
              <Card>
                <SkeletonDisplayText size="small" />
                <br />
                <SkeletonBodyText lines={count} />
              </Card>
            </Layout.Section>
          ))}
        </Layout>
      </SkeletonPage>
    </div>
  );
}
