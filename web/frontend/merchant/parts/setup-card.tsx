import { BlockStack, Button, Card, ProgressBar, Text } from '@shopify/polaris';
import type { ShopAnswer } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';

/** How far the setup is, with the way to its page. It goes by itself when all was seen to work. */
export function SetupCard({ setup }: { setup: ShopAnswer['setup'] }) {
  const { t } = useWords();
  const steps = Object.values(setup);
  const done = steps.filter(Boolean).length;
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('guide.title')}
        </Text>
        <Text as="p">{t('home.setup.text')}</Text>
        <BlockStack gap="200">
          <Text as="p" variant="bodySm" id="zt-progress">
            {t('guide.progress', { done: String(done), all: String(steps.length) })}
          </Text>
          <ProgressBar
            progress={(done / steps.length) * 100}
            size="small"
            tone="success"
            ariaLabelledBy="zt-progress"
          />
        </BlockStack>
        <div>
          <Button variant="primary" url="/setup">
            {t(done === 0 ? 'home.setup.begin' : 'home.setup.go_on')}
          </Button>
        </div>
      </BlockStack>
    </Card>
  );
}
