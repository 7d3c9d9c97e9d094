import { useAppBridge } from '@shopify/app-bridge-react';
import {
  BlockStack,
  Button,
  ChoiceList,
  Collapsible,
  Modal,
  Text,
  type ModalProps,
} from '@shopify/polaris';
import { useRef, useState } from 'react';
import { troubleOf, type TroubleKind } from '../api.ts';
import { isWord, useWords } from '../words.tsx';
import type { ExportFormat } from '../../shared/export-end.ts';
import { download } from './download.ts';
import { Failed } from './failed.tsx';
import type { Filter } from './payments-address.ts';

/** As the file has them; `column.` and the name is what each holds. */
export const exportColumns = [
  ...['payment_id', 'order', 'origin', 'shopify_id', 'test', 'state', 'state_means', 'reason'],
  ...['reason_means', 'needs_person', 'currency', 'amount', 'amount_told_to_shopify'],
  ...['sats_asked', 'sats_received', 'price_of_one_bitcoin', 'opened_at', 'opened_in_shop_time'],
  ...['paid_at', 'paid_in_shop_time', 'told_to_shopify_at', 'payment_hash', 'node'],
  ...['node_identity', 'network'],
] as const;

export type Wanted = { filter: Filter } | { ids: readonly string[] };

/** What is to be exported, in which form, and what will be in it. */
export function ExportDialog(props: {
  wanted: Wanted | undefined;
  says: string;
  activator: NonNullable<ModalProps['activator']>;
  onClose: () => void;
}) {
  const { t } = useWords();
  const { wanted, says, activator, onClose } = props;
  const [format, setFormat] = useState<ExportFormat>('csv');
  const saving = useSaving(onClose);
  const close = (): void => {
    saving.stop();
    onClose();
  };
  return (
    <Modal
      open={wanted !== undefined}
      onClose={close}
      activator={activator}
      title={t('export.title')}
      primaryAction={{
        content: t('export.action'),
        loading: saving.isSaving,
        onAction: () => {
          if (wanted !== undefined) void saving.save(wanted, format);
        },
      }}
      secondaryActions={[{ content: t('cancel'), onAction: close }]}
    >
      <Modal.Section>
        <BlockStack gap="400">
          {saving.trouble !== undefined && (
            <Failed title={t('export.failed')} trouble={saving.trouble} />
          )}
          <Text as="p">{says}</Text>
          <ChoiceList
            title={t('export.format')}
            choices={[
              { value: 'csv', label: t('export.csv'), helpText: t('export.csv.text') },
              { value: 'jsonl', label: t('export.jsonl'), helpText: t('export.jsonl.text') },
            ]}
            selected={[format]}
            onChange={([chosen]) => setFormat(chosen === 'jsonl' ? 'jsonl' : 'csv')}
          />
          <Text as="p" tone="subdued">
            {t('export.end')}
          </Text>
          <Columns />
        </BlockStack>
      </Modal.Section>
    </Modal>
  );
}

function useSaving(onSaved: () => void) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const abort = useRef<AbortController>();
  const [isSaving, setSaving] = useState(false);
  const [trouble, setTrouble] = useState<TroubleKind>();
  const save = async (wanted: Wanted, format: ExportFormat): Promise<void> => {
    const words = 'ids' in wanted ? { ids: wanted.ids.join(',') } : wanted.filter;
    const ask = new URLSearchParams({ format, ...words });
    const ours = new AbortController();
    abort.current = ours;
    setSaving(true);
    setTrouble(undefined);
    try {
      const day = new Date().toISOString().slice(0, 10);
      const rows = await download(`/api/payments/export?${ask.toString()}`, {
        name: `payments-${day}.${format}`,
        format,
        signal: ours.signal,
      });
      bridge.toast.show(t('export.saved', { rows }));
      onSaved();
    } catch (error) {
      if (!ours.signal.aborted) setTrouble(troubleOf(error));
    } finally {
      setSaving(false);
    }
  };
  return { isSaving, trouble, save, stop: () => abort.current?.abort() };
}

function Columns() {
  const { t } = useWords();
  const [isOpen, setOpen] = useState(false);
  return (
    <BlockStack gap="200">
      <div>
        <Button
          variant="plain"
          ariaExpanded={isOpen}
          ariaControls="zt-columns"
          disclosure={isOpen ? 'up' : 'down'}
          onClick={() => setOpen(!isOpen)}
        >
          {t('export.columns')}
        </Button>
      </div>
      <Collapsible id="zt-columns" open={isOpen}>
        <dl className="zt-excess">
          {exportColumns.map((name) => {
            const word = `export.column.${name}`;
            return (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{isWord(word) ? t(word) : ''}</dd>
              </div>
            );
          })}
        </dl>
      </Collapsible>
    </BlockStack>
  );
}
