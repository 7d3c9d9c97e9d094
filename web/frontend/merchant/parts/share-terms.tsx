import { BlockStack, Box, Button, Card, Checkbox, InlineStack, TextField } from '@shopify/polaris';
import { useState } from 'react';
import type { SharesAnswer, ShareTermsWish } from '../../shared/shares-api.ts';
import { useWords } from '../words.tsx';
import { useChangingShares } from './use-changing-shares.tsx';

/** Whether anything is shared, whether it is paid out, and from which sum on. */
export function ShareTermsCard(props: { answer: SharesAnswer; onChanged: () => void }) {
  const { t } = useWords();
  const { isOn, isPaused, leastSats } = props.answer;
  /** Undefined: nothing was changed here since the last answer. */
  const [draft, setDraft] = useState<ShareTermsWish>();
  const { isSaving, says, change } = useChangingShares(props.onChanged);
  const shown = draft ?? { isOn, isPaused, leastSats };
  const save = async (): Promise<void> => {
    const wish = { path: '/api/shares/terms', body: shown, done: t('shares.saved') };
    if (await change(wish)) setDraft(undefined);
  };
  return (
    <Card>
      <BlockStack gap="400">
        <Checkbox
          label={t('shares.on')}
          helpText={t('shares.on.text')}
          checked={shown.isOn}
          onChange={(checked) => setDraft({ ...shown, isOn: checked })}
        />
        <Checkbox
          label={t('shares.pause')}
          helpText={t('shares.pause.text')}
          checked={shown.isPaused}
          onChange={(checked) => setDraft({ ...shown, isPaused: checked })}
        />
        <Box maxWidth="20rem">
          <TextField
            label={t('shares.least')}
            helpText={t('shares.least.text')}
            value={shown.leastSats}
            onChange={(typed) => setDraft({ ...shown, leastSats: typed })}
            inputMode="numeric"
            autoComplete="off"
            suffix="sats"
          />
        </Box>
        {says}
        <InlineStack align="end">
          <Button
            variant="primary"
            disabled={draft === undefined}
            loading={isSaving}
            onClick={() => void save()}
          >
            {t('save')}
          </Button>
        </InlineStack>
      </BlockStack>
    </Card>
  );
}
