import { useAppBridge } from '@shopify/app-bridge-react';
import { Banner, BlockStack, Layout, Page } from '@shopify/polaris';
import { useState } from 'react';
import type { SetupAnswer } from '../../shared/setup-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { Failed } from '../parts/failed.tsx';
import { SelfTest } from '../parts/self-test.tsx';
import { SetupBlock } from '../parts/setup-block.tsx';
import { SetupMethod } from '../parts/setup-method.tsx';
import { SetupNode } from '../parts/setup-node.tsx';
import { SetupReceive } from '../parts/setup-receive.tsx';
import { SetupSteps, type Step, type StepState } from '../parts/setup-steps.tsx';
import { useBlocks } from '../parts/use-blocks.ts';
import { useSelfTest } from '../parts/use-self-test.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi } from '../use-api.ts';
import { useWords } from '../words.tsx';

const lookAgainMs = 5_000;

export default function Setup() {
  const { t } = useWords();
  const { value, trouble, again } = useApi<SetupAnswer>('/api/setup', { everyMs: lookAgainMs });
  if (value === undefined && trouble === undefined) {
    return <WaitingPage title={t('setup.title')} lines={[12]} />;
  }
  return (
    <Page title={t('setup.title')} backAction={{ content: t('nav.home'), url: '/' }}>
      <Layout>
        <Layout.Section>
          <div className="zt-column">
            {trouble !== undefined && (
              <Failed title={t('setup.failed')} trouble={trouble} again={again} />
            )}
            {value !== undefined && <Steps setup={value} again={again} />}
          </div>
        </Layout.Section>
      </Layout>
    </Page>
  );
}

const doneIf = (isDone: boolean): StepState => (isDone ? 'done' : 'to_do');

function Steps({ setup, again }: { setup: SetupAnswer; again: () => void }) {
  const { t } = useWords();
  const { blocks } = useBlocks();
  const testing = useSelfTest({ known: setup.selfTest, ended: again });
  const looking = useLook(again);
  // Each reading has another key number in its line: the one that was shown stays.
  const [bake] = useState(setup.bake);
  const { node, receive, method, block } = setup;
  const isUnknown = receive.state === 'unknown';
  const canReceive = receive.state === 'low' || receive.state === 'enough';
  const steps: Step[] = [
    {
      id: 'node',
      title: t('setup.node.title'),
      state: doneIf(node?.health === 'reachable'),
      body: <SetupNode node={node} bake={bake} connected={again} />,
    },
    {
      id: 'receive',
      title: t('setup.receive.title'),
      state: isUnknown ? 'unknown' : doneIf(canReceive && node?.health === 'reachable'),
      body: <SetupReceive setup={setup} looking={looking} />,
    },
    {
      id: 'method',
      title: t('setup.method.title'),
      state: doneIf(method.seenAt !== null),
      body: <SetupMethod method={method} />,
    },
    {
      id: 'block',
      title: t('setup.block.title'),
      state: doneIf(block.seenAt !== null),
      body: (
        <SetupBlock
          shop={setup.shop}
          block={block}
          methodName={method.name}
          isPlaced={blocks?.thankYou === true}
        />
      ),
    },
    {
      id: 'test',
      title: t('setup.test.title'),
      state: doneIf(setup.hasPassed && testing.run?.state === 'passed'),
      body: <SelfTest testing={testing} />,
    },
  ];
  return (
    <BlockStack gap="400">
      {setup.done && testing.run?.state === 'passed' && (
        <Banner
          tone="success"
          title={t('setup.done.title')}
          action={{ content: t('setup.done.action'), url: '/' }}
        >
          <p>{t('setup.done.text')}</p>
        </Banner>
      )}
      <SetupSteps steps={steps} stay={testing.wasSeen ? 'test' : undefined} />
    </BlockStack>
  );
}

export type Looking = {
  look: () => Promise<void>;
  isLooking: boolean;
  trouble: TroubleKind | undefined;
};

/** The node is asked anew, now and not when it is due. */
function useLook(again: () => void): Looking {
  const { t } = useWords();
  const bridge = useAppBridge();
  const [isLooking, setIsLooking] = useState(false);
  const [trouble, setTrouble] = useState<TroubleKind>();
  const look = async (): Promise<void> => {
    setIsLooking(true);
    setTrouble(undefined);
    try {
      await callApi<SetupAnswer>('/api/setup/look', { body: {} });
      bridge.toast.show(t('setup.receive.looked'));
      again();
    } catch (failure) {
      setTrouble(troubleOf(failure));
    } finally {
      setIsLooking(false);
    }
  };
  return { look, isLooking, trouble };
}
