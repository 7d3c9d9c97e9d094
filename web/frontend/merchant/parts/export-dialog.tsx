import { useAppBridge } from '@shopify/app-bridge-react';
import {
  BlockStack,
  Button,
  ChoiceList,
  Collapsible,
  FormLayout,
  Modal,
  Text,
  TextField,
  type ModalProps,
} from '@shopify/polaris';
import { useRef, useState } from 'react';
import { troubleOf, type TroubleKind } from '../api.ts';
import { useWords } from '../words.tsx';
import { exportColumns, type ExportKind } from '../../shared/export-columns.ts';
import type { ExportFormat } from '../../shared/export-end.ts';
import { download } from './download.ts';
import { Failed } from './failed.tsx';
import { isDay, type Filter } from './payments-address.ts';

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
  const choice = useChoice(wanted);
  const { what, format } = choice;
  const leave = (): void => {
    choice.forget();
    onClose();
  };
  const saving = useSaving(leave);
  const close = (): void => {
    saving.stop();
    leave();
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
        disabled: what !== 'payments' && isTurned(choice.days),
        onAction: () => {
          if (choice.words !== undefined) void saving.save({ what, format, words: choice.words });
        },
      }}
      secondaryActions={[{ content: t('cancel'), onAction: close }]}
    >
      <Modal.Section>
        <BlockStack gap="400">
          {saving.trouble !== undefined && (
            <Failed title={t('export.failed')} trouble={saving.trouble} />
          )}
          {choice.canBeBooks && <Kinds {...choice} />}
          <Text as="p">{what === 'payments' ? says : t(`export.says.${what}`)}</Text>
          {what !== 'payments' && <DayFields {...choice} />}
          <Formats {...choice} />
          <Text as="p" tone="subdued">
            {t('export.end')}
          </Text>
          <Columns what={what} />
        </BlockStack>
      </Modal.Section>
    </Modal>
  );
}

/** As the fields have them; empty: without that end. */
type Days = { since: string; until: string };
const isTurned = ({ since, until }: Days): boolean => since !== '' && until !== '' && since > until;

const kinds = [
  ...(['payments', 'refunds', 'shares', 'ledger', 'balances', 'tax'] as const),
] as const satisfies readonly ExportKind[];

type Choice = ReturnType<typeof useChoice>;

/** Rows that were selected are payments. The books begin with the days of the list. */
function useChoice(wanted: Wanted | undefined) {
  const [chosen, setWhat] = useState<ExportKind>('payments');
  const [format, setFormat] = useState<ExportFormat>('csv');
  const [typed, setDays] = useState<Days>();
  const filter = wanted !== undefined && 'filter' in wanted ? wanted.filter : undefined;
  const what = filter === undefined ? 'payments' : chosen;
  const days = typed ?? { since: filter?.since ?? '', until: filter?.until ?? '' };
  const listed = wanted !== undefined && 'ids' in wanted ? { ids: wanted.ids.join(',') } : filter;
  const ofDays = Object.fromEntries(Object.entries(days).filter(([, day]) => day !== ''));
  return {
    ...{ what, format, days, setWhat, setFormat, setDays },
    canBeBooks: filter !== undefined,
    /** What chooses the rows, as the address of the file has it. */
    words: what === 'payments' ? listed : { what, ...ofDays },
    forget: () => setDays(undefined),
  };
}

function Kinds({ what, setWhat }: Choice) {
  const { t } = useWords();
  return (
    <ChoiceList
      title={t('export.what')}
      choices={kinds.map((kind) => ({
        value: kind,
        label: t(`export.what.${kind}`),
        helpText: t(`export.what.${kind}.text`),
      }))}
      selected={[what]}
      onChange={([chosen]) => setWhat(kinds.find((kind) => kind === chosen) ?? 'payments')}
    />
  );
}

function DayFields({ days, setDays }: Choice) {
  const { t } = useWords();
  const set = (some: Partial<Days>): void => setDays({ ...days, ...some });
  return (
    <FormLayout>
      <FormLayout.Group condensed>
        <TextField
          type="date"
          autoComplete="off"
          label={t('filter.since')}
          value={days.since}
          onChange={(day) => set({ since: isDay(day) ? day : '' })}
        />
        <TextField
          type="date"
          autoComplete="off"
          label={t('filter.until')}
          value={days.until}
          onChange={(day) => set({ until: isDay(day) ? day : '' })}
          {...(isTurned(days) ? { error: t('filter.turned') } : {})}
        />
      </FormLayout.Group>
      <Text as="p" tone="subdued">
        {t('export.days')}
      </Text>
    </FormLayout>
  );
}

function Formats({ format, setFormat }: Choice) {
  const { t } = useWords();
  return (
    <ChoiceList
      title={t('export.format')}
      choices={[
        { value: 'csv', label: t('export.csv'), helpText: t('export.csv.text') },
        { value: 'jsonl', label: t('export.jsonl'), helpText: t('export.jsonl.text') },
      ]}
      selected={[format]}
      onChange={([chosen]) => setFormat(chosen === 'jsonl' ? 'jsonl' : 'csv')}
    />
  );
}

function useSaving(onSaved: () => void) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const abort = useRef<AbortController>();
  const [isSaving, setSaving] = useState(false);
  const [trouble, setTrouble] = useState<TroubleKind>();
  const save = async (file: {
    what: ExportKind;
    format: ExportFormat;
    words: Readonly<Record<string, string>>;
  }): Promise<void> => {
    const { what, format, words } = file;
    const ask = new URLSearchParams({ format, ...words });
    const ours = new AbortController();
    abort.current = ours;
    setSaving(true);
    setTrouble(undefined);
    try {
      const day = new Date().toISOString().slice(0, 10);
      const rows = await download(`/api/payments/export?${ask.toString()}`, {
        name: `${what}-${day}.${format}`,
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

function Columns({ what }: { what: ExportKind }) {
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
          {exportColumns[what].map((name) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{t(`export.column.${name}`)}</dd>
            </div>
          ))}
        </dl>
      </Collapsible>
    </BlockStack>
  );
}
