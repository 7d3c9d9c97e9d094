import { Banner, BlockStack, Button, Icon, InlineStack, Spinner, Text } from '@shopify/polaris';
import {
  AlertTriangleIcon,
  CheckCircleIcon,
  MinusCircleIcon,
  XCircleIcon,
} from '@shopify/polaris-icons';
import type { SelfTestAnswer, SelfTestStepAnswer } from '../../shared/setup-api.ts';
import { isWord, Told, useWords } from '../words.tsx';
import { Failed } from './failed.tsx';
import type { Testing } from './use-self-test.ts';

/** One button, and each hop with its time as it comes. */
export function SelfTest({ testing }: { testing: Testing }) {
  const { t } = useWords();
  const { run, isRunning, trouble, start } = testing;
  return (
    <BlockStack gap="400">
      <Text as="p">{t('setup.test.text')}</Text>
      {trouble !== undefined && (
        <Failed title={t('setup.test.trouble')} trouble={trouble} again={testing.look} />
      )}
      <div role="status">{run !== null && <Outcome run={run} />}</div>
      {run !== null && <Hops run={run} />}
      <div>
        <Button
          variant={run?.state === 'passed' ? 'secondary' : 'primary'}
          loading={isRunning}
          onClick={() => void start()}
        >
          {t(run === null ? 'setup.test.run' : 'setup.test.rerun')}
        </Button>
      </div>
    </BlockStack>
  );
}

/** The run in one sentence, said once when it ends. */
function Outcome({ run }: { run: SelfTestAnswer }) {
  const { t } = useWords();
  const time = useTime();
  const all = run.steps.reduce((sum, { ms }) => sum + (ms ?? 0), 0);
  if (run.state === 'running') {
    return (
      <Text as="p" fontWeight="medium">
        {t('setup.test.running')}
      </Text>
    );
  }
  if (run.state === 'passed') {
    return (
      <Banner tone="success" title={t('setup.test.passed')}>
        <p>{t('setup.test.took', { time: time(all) })}</p>
      </Banner>
    );
  }
  const failed = run.steps.find(({ state }) => state === 'failed');
  if (failed === undefined) return <Banner tone="warning" title={t('setup.test.interrupted')} />;
  return (
    <Banner tone="warning" title={t('setup.test.failed', { hop: nameOfHop(failed.hop, t) })}>
      <p>
        <Said step={failed} />
      </p>
    </Banner>
  );
}

function Hops({ run }: { run: SelfTestAnswer }) {
  const { t } = useWords();
  const time = useTime();
  return (
    <ol className="zt-list zt-hops">
      {run.steps.map((step) => (
        <li key={step.hop} data-hop={step.hop} data-state={step.state}>
          <HopMark state={step.state} />
          <div>
            <Text as="span" tone={step.state === 'skipped' ? 'subdued' : 'base'}>
              {nameOfHop(step.hop, t)}
            </Text>
            {step.state === 'warned' && (
              <Text as="p" tone="subdued">
                <Said step={step} />
              </Text>
            )}
          </div>
          <span className="zt-figures">{step.ms === null ? '' : time(step.ms)}</span>
        </li>
      ))}
    </ol>
  );
}

function HopMark({ state }: { state: SelfTestStepAnswer['state'] }) {
  const { t } = useWords();
  const label = t(`hop.state.${state}`);
  // Polaris' spinner is two elements, and this is one place of the line.
  if (state === 'running') {
    return (
      <span className="zt-spinner">
        <Spinner size="small" accessibilityLabel={label} />
      </span>
    );
  }
  if (state === 'waiting') return <span className="zt-to-do" role="img" aria-label={label} />;
  const looks = {
    passed: { source: CheckCircleIcon, tone: 'success' },
    warned: { source: AlertTriangleIcon, tone: 'caution' },
    failed: { source: XCircleIcon, tone: 'critical' },
    skipped: { source: MinusCircleIcon, tone: 'subdued' },
  } as const;
  const { source, tone } = looks[state];
  return (
    <InlineStack>
      <Icon source={source} tone={tone} accessibilityLabel={label} />
    </InlineStack>
  );
}

function Said({ step }: { step: SelfTestStepAnswer }) {
  const { code, sentence, values } = step;
  if (code === null || sentence === null) return null;
  return <Told code={`selftest.${code}`} sentence={sentence} values={values} />;
}

function nameOfHop(hop: string, t: ReturnType<typeof useWords>['t']): string {
  const word = `hop.${hop}`;
  return isWord(word) ? t(word) : hop;
}

/** 84 ms; 1.2 s. */
function useTime(): (ms: number) => string {
  const { locale, t } = useWords();
  return (ms) => {
    if (ms < 1_000) return t('hop.ms', { ms: new Intl.NumberFormat(locale).format(ms) });
    const seconds = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
    return t('hop.seconds', { seconds: seconds.format(ms / 1_000) });
  };
}
