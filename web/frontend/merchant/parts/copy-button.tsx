import { useAppBridge } from '@shopify/app-bridge-react';
import { Button } from '@shopify/polaris';
import { ClipboardIcon } from '@shopify/polaris-icons';
import { useWords } from '../words.tsx';

/** Copies, and says so. Where the browser forbids it, says what to do instead. */
export function CopyButton(props: { text: string; label: string; name?: string }) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const { text, label, name = label } = props;
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      bridge.toast.show(t('copied'));
    } catch {
      bridge.toast.show(t('copy_failed'), { isError: true });
    }
  };
  return (
    <Button icon={ClipboardIcon} accessibilityLabel={name} onClick={() => void copy()}>
      {label}
    </Button>
  );
}
