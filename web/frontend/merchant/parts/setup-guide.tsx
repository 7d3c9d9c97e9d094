import {
  BlockStack,
  Box,
  Button,
  ButtonGroup,
  Card,
  Collapsible,
  Icon,
  InlineStack,
  ProgressBar,
  Text,
} from '@shopify/polaris';
import { CheckCircleIcon } from '@shopify/polaris-icons';
import { useState, type ReactNode } from 'react';
import { useWords } from '../words.tsx';

type Action = { label: string; url: string; target?: '_blank' };
export type SetupStep = {
  id: string;
  title: string;
  body: ReactNode;
  /** A fact that was read, never a box that somebody ticked. */
  isDone: boolean;
  action: Action;
  second?: Action;
};

/** The way to the first payment, one step open at a time. */
export function SetupGuide({ steps }: { steps: readonly SetupStep[] }) {
  const { t } = useWords();
  const next = steps.find((step) => !step.isDone)?.id;
  // Until the merchant opens one, the first that is to do is open.
  const [chosen, setChosen] = useState<string | null>();
  const open = chosen === undefined ? next : chosen;
  const done = steps.filter((step) => step.isDone).length;
  return (
    <Card>
      <BlockStack gap="400">
        <BlockStack gap="100">
          <Text as="h2" variant="headingMd">
            {t('guide.title')}
          </Text>
          <Text as="p" tone="subdued">
            {t('guide.text')}
          </Text>
        </BlockStack>
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
        <ol className="zt-list">
          {steps.map((step) => (
            <li key={step.id}>
              <Step
                step={step}
                isOpen={step.id === open}
                toggle={() => {
                  setChosen(step.id === open ? null : step.id);
                }}
              />
            </li>
          ))}
        </ol>
      </BlockStack>
    </Card>
  );
}

function Step(props: { step: SetupStep; isOpen: boolean; toggle: () => void }) {
  const { t } = useWords();
  const { step, isOpen, toggle } = props;
  return (
    <Box
      padding="200"
      borderRadius="200"
      {...(isOpen ? { background: 'bg-surface-secondary' as const } : {})}
    >
      <InlineStack gap="200" blockAlign="center" wrap={false}>
        {step.isDone ? (
          <span>
            <Icon source={CheckCircleIcon} tone="success" accessibilityLabel={t('guide.done')} />
          </span>
        ) : (
          <span className="zt-to-do" role="img" aria-label={t('guide.to_do')} />
        )}
        <Button
          variant="monochromePlain"
          textAlign="start"
          fullWidth
          ariaExpanded={isOpen}
          ariaControls={`zt-step-${step.id}`}
          onClick={toggle}
        >
          {step.title}
        </Button>
      </InlineStack>
      <Collapsible id={`zt-step-${step.id}`} open={isOpen} transition={{ duration: '150ms' }}>
        <Box paddingInlineStart="800" paddingBlockStart="200" paddingBlockEnd="200">
          <BlockStack gap="300">
            <div>{step.body}</div>
            <ButtonGroup>
              <Go action={step.action} isPrimary={!step.isDone} />
              {step.second !== undefined && <Go action={step.second} isPrimary={false} />}
            </ButtonGroup>
          </BlockStack>
        </Box>
      </Collapsible>
    </Box>
  );
}

function Go({ action, isPrimary }: { action: Action; isPrimary: boolean }) {
  const { label, ...where } = action;
  return (
    <Button variant={isPrimary ? 'primary' : 'secondary'} {...where}>
      {label}
    </Button>
  );
}
