import {
  Badge,
  BlockStack,
  Box,
  Button,
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

export type StepState = 'done' | 'to_do' | 'unknown';
export type Step = {
  id: string;
  title: string;
  /** A fact that was read, never a box that somebody ticked. */
  state: StepState;
  body: ReactNode;
};

/**
 * The steps, each done when it was seen to work; the first that is not is open. `stay`: one with
 * something to read in it, which does not fold when it is done.
 */
export function SetupSteps(props: { steps: readonly Step[]; stay?: string | undefined }) {
  const { t } = useWords();
  const { steps, stay } = props;
  const next = steps.find(({ state }) => state === 'to_do')?.id;
  // What the merchant opened stays open, whatever turns green meanwhile.
  const [chosen, setChosen] = useState<string | null>();
  const open = chosen === undefined ? (stay ?? next) : chosen;
  const done = steps.filter(({ state }) => state === 'done').length;
  const said = t('setup.progress', { done: String(done), all: String(steps.length) });
  return (
    <Card>
      <BlockStack gap="400">
        <BlockStack gap="200">
          <Text as="p" id="zt-progress" tone="subdued">
            {said}
          </Text>
          <ProgressBar
            progress={(done / steps.length) * 100}
            size="small"
            tone="success"
            ariaLabelledBy="zt-progress"
          />
        </BlockStack>
        <ol className="zt-list zt-steps">
          {steps.map((step) => (
            <li key={step.id}>
              <One
                step={step}
                isOpen={step.id === open}
                toggle={() => setChosen(step.id === open ? null : step.id)}
              />
            </li>
          ))}
        </ol>
      </BlockStack>
    </Card>
  );
}

function One({ step, isOpen, toggle }: { step: Step; isOpen: boolean; toggle: () => void }) {
  const id = `zt-step-${step.id}`;
  return (
    <Box
      padding={{ xs: '200', sm: '300' }}
      borderRadius="200"
      {...(isOpen ? { background: 'bg-surface-secondary' as const } : {})}
    >
      <div className="zt-step-head">
        <Mark state={step.state} />
        <Button
          variant="monochromePlain"
          textAlign="start"
          fullWidth
          ariaExpanded={isOpen}
          ariaControls={id}
          onClick={toggle}
        >
          {step.title}
        </Button>
        <State state={step.state} />
      </div>
      <Collapsible id={id} open={isOpen} transition={{ duration: '150ms' }}>
        <div className="zt-step-body">{step.body}</div>
      </Collapsible>
    </Box>
  );
}

function Mark({ state }: { state: StepState }) {
  return state === 'done' ? (
    <span aria-hidden="true">
      <Icon source={CheckCircleIcon} tone="success" />
    </span>
  ) : (
    <span className="zt-to-do" aria-hidden="true" />
  );
}

function State({ state }: { state: StepState }) {
  const { t } = useWords();
  return (
    <InlineStack>
      {state === 'done' ? (
        <Badge tone="success">{t('setup.is_done')}</Badge>
      ) : (
        <Badge>{t(state === 'to_do' ? 'setup.is_to_do' : 'setup.is_unknown')}</Badge>
      )}
    </InlineStack>
  );
}
